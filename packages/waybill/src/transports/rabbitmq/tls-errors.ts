// What goes wrong between two ends that speak TLS, by the codes that Node gives to OpenSSL's errors.
import type { ErrorCode } from '../../message/error-codes.ts'
import { WaybillError } from '../../message/errors.ts'
import type { BrokerAddress } from './broker-address.ts'

interface TlsFault {
  readonly of: RegExp
  /** Nobody has refused a user whose broker's certificate is in doubt: that is a link that was never up. */
  readonly code: ErrorCode
  readonly what: string
  /** OpenSSL's text adds nothing to some, and is hard to read. */
  readonly detailed?: boolean
  readonly cure: string
}

/** @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const FAULTS: readonly TlsFault[] = [
  {
    of: /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?))$/,
    code: 'WAYBILL_NOT_CONNECTED',
    what: 'presents a certificate that is not trusted here',
    detailed: true,
    cure: 'Pass the authority that signed it as tls.ca (PEM).',
  },
  {
    of: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    code: 'WAYBILL_NOT_CONNECTED',
    what: 'presents a certificate for another host',
    detailed: true,
    cure: 'Address the broker by a name in its certificate, or pass that name as tls.servername.',
  },
  {
    of: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    code: 'WAYBILL_NOT_CONNECTED',
    what: 'presents a certificate that is not valid now',
    detailed: true,
    cure: 'Renew the certificate of the broker, or of the authority in tls.ca; see that the clock is right.',
  },
  {
    of: /^ERR_SSL_\w+_ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/,
    code: 'WAYBILL_ACCESS_REFUSED',
    what: 'refused the certificate of this client, or that it has none',
    cure: 'Pass tls.cert and tls.key (PEM), signed by an authority that the broker trusts.',
  },
  {
    of: /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/,
    code: 'WAYBILL_NOT_CONNECTED',
    what: 'does not answer in TLS',
    cure: "Give the port of the broker's TLS listener (usually 5671), or write amqp:// for a link without TLS.",
  },
  {
    of: /^ERR_OSSL_/,
    code: 'WAYBILL_NOT_CONNECTED',
    what: 'was not tried: tls.cert or tls.key cannot be used',
    detailed: true,
    cure: 'Pass tls.cert and tls.key as PEM that belong together, and tls.passphrase where the key is encrypted.',
  },
]

/** `undefined` when `cause` is no matter of TLS. */
export function tlsError(address: BrokerAddress, cause: unknown): WaybillError | undefined {
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string') return undefined
  const { code, message } = cause
  const fault = FAULTS.find(({ of }) => of.test(code))
  if (fault === undefined) return undefined
  const why = fault.detailed === true ? message : code
  return new WaybillError(fault.code, `${address.text} ${fault.what} (${why})`, { cause, cure: fault.cure })
}
