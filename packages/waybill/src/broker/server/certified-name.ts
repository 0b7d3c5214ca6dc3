import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** The common name of the certificate that a client has shown, where TLS has accepted it: a user, for SASL EXTERNAL. */
export function certifiedName(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  // Of several, none is who it is; a certificate without a subject has no name.
  const name: unknown = socket.getPeerCertificate().subject?.CN
  return typeof name === 'string' && name !== '' ? name : undefined
}
