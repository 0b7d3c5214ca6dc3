// The client's errors as Waybill's.
import { asText } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { RedisAddress } from './redis-address.ts'

/** Answers of a server that is not the one to talk to (any more), or has lost our scripts: another link may do better. */
const NOT_THIS_SERVER = /^(?:READONLY|NOSCRIPT|LOADING|MASTERDOWN|UNBLOCKED|CLUSTERDOWN|MOVED)\b/

export function isOfAnotherServer(error: Error): boolean {
  return NOT_THIS_SERVER.test(error.message)
}

/** Why one address could not be connected to. */
export function connectError(address: RedisAddress, cause: unknown): WaybillError {
  if (isWaybillError(cause)) return cause
  const text = textOf(cause)
  if (/^(?:WRONGPASS|NOAUTH|NOPERM)\b|invalid (?:username-password|password)|AUTH.*called without/i.test(text))
    return new WaybillError('WAYBILL_ACCESS_REFUSED', `${address.text} refused the credentials: ${text}`, { cause })
  if (/certificate|self.signed|altname|wrong version number|ssl|tls/i.test(text) && !/ECONNREFUSED/.test(text))
    return new WaybillError(
      'WAYBILL_NOT_CONNECTED',
      `${address.text} was not trusted, or does not speak TLS: ${text}`,
      {
        cause,
        cure: 'Pass the authority that signed its certificate as tls.ca (PEM); write rediss:// where the server asks for TLS.',
      },
    )
  return new WaybillError('WAYBILL_NOT_CONNECTED', `${address.text} cannot be reached: ${text}`, { cause })
}

/** What the server answered to `what`. */
export function answerError(what: string, cause: Error): WaybillError {
  const text = cause.message
  if (/^NOPERM\b|The user executing the script can't/.test(text))
    return new WaybillError('WAYBILL_ACCESS_REFUSED', `${what}: ${text}`, { cause })
  if (/WRONGTYPE/.test(text)) return new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `${what}: ${text}`, { cause })
  if (isOfAnotherServer(cause)) return new WaybillError('WAYBILL_NOT_CONNECTED', `${what}: ${text}`, { cause })
  const cure = /\bOOM\b/.test(text) ? 'Give the server more memory, or let its groups settle what waits.' : undefined
  return new WaybillError('WAYBILL_REFUSED', `${what}: ${text}`, { cause, ...(cure === undefined ? {} : { cure }) })
}

function textOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(textOf).join(', ')
  return cause instanceof Error ? cause.message : asText(cause)
}
