import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { WaybillError } from '../../message/errors.ts'

/** PEM. With `ca`, clients must show a certificate that it signed. */
export interface TlsOptions {
  readonly cert: string | Buffer
  readonly key: string | Buffer
  readonly ca?: string | Buffer
}

export interface Address {
  /** An address, or `localhost`, which is 127.0.0.1 and, where the machine has it, ::1. */
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
}

export interface ListenOptions extends Address {
  readonly tls?: TlsOptions
}

/** A client has so long for the handshake of TLS. */
const TLS_HANDSHAKE_MS = 10_000
/** Connections that the operating system may hold before they are accepted. */
const BACKLOG = 1_024

const IPV4_LOOPBACK = '127.0.0.1'
const IPV6_LOOPBACK = '::1'
/** A machine without IPv6 says one of these. */
const NO_IPV6 = ['EADDRNOTAVAIL', 'EAFNOSUPPORT']

/**
 * Hands every connection to `accept`.
 *
 * @throws {WaybillError} `WAYBILL_ADDRESS_IN_USE`; what else keeps it from listening is the native error
 */
export function listen(
  { host, port, tls }: ListenOptions,
  accept: (socket: Socket) => void,
): Promise<readonly Server[]> {
  return listenWith({ host, port }, () =>
    tls === undefined
      ? createServer({ noDelay: true }, accept)
      : createTlsServer(
          {
            ...tls,
            requestCert: tls.ca !== undefined,
            rejectUnauthorized: tls.ca !== undefined,
            handshakeTimeout: TLS_HANDSHAKE_MS,
          },
          accept,
        ),
  )
}

/** The same with servers of any kind, of which `make` makes one for each address. */
export async function listenWith<S extends Server>({ host, port }: Address, make: () => S): Promise<readonly S[]> {
  if (host !== 'localhost') return [await listenAt(host, port, make())]
  const first = await listenAt(IPV4_LOOPBACK, port, make())
  try {
    return [first, await listenAt(IPV6_LOOPBACK, portOf(first), make())]
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // Any port was good, and who has this one of ::1 was not asked for.
    if (NO_IPV6.some((known) => known === code) || port === 0) return [first]
    first.close()
    throw error
  }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port // it listens on a port, not on a pipe
}

function listenAt<S extends Server>(host: string, port: number, server: S): Promise<S> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void => reject(listenError(error, host, port))
    server.once('error', refused)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', refused)
      resolve(server)
    })
  })
}

function listenError(error: Error, host: string, port: number): Error {
  if (!('code' in error) || error.code !== 'EADDRINUSE') return error
  return new WaybillError('WAYBILL_ADDRESS_IN_USE', `something else listens on ${host}:${port}`, { cause: error })
}
