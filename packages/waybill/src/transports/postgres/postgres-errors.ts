// The driver's and the server's errors as Waybill's. The server's have an SQLSTATE of five characters as `code`.
// @see https://www.postgresql.org/docs/15/errcodes-appendix.html
import { asText } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { PostgresAddress } from './postgres-address.ts'

export const LOCK_NOT_AVAILABLE = '55P03'
/** `statement_timeout`, or somebody's hand. */
export const QUERY_CANCELED = '57014'
/** Too many clients, out of memory or disk: it may do later. */
const BUSY = /^53/
const SQLSTATE = /^[0-9A-Z]{5}$/

/** `undefined` when it is no answer of the server's. */
export function sqlState(error: unknown): string | undefined {
  const isAnswer = error instanceof Error && 'code' in error && typeof error.code === 'string' && SQLSTATE.test(error.code) // prettier-ignore
  // The driver has codes of the same shape for what the system says of sockets: EPIPE.
  return isAnswer && 'severity' in error ? (error.code as string) : undefined
}

/** Whether the server has answered that it has not done it; otherwise it may have. */
export function isRefusal(error: unknown): boolean {
  const state = sqlState(error)
  // 08: connection, 57P: shut down, crashed; 40003: statement completion unknown.
  return state !== undefined && !/^(?:08|57P)/.test(state) && state !== '40003'
}

/** Why one address could not be connected to. */
export function connectError(address: PostgresAddress, cause: unknown): Error {
  if (isWaybillError(cause)) return cause
  const text = textOf(cause)
  const state = sqlState(cause)
  if (state?.startsWith('28') === true || /password must be a string|no pg_hba/i.test(text))
    return new WaybillError('WAYBILL_ACCESS_REFUSED', `${address.text} refused the credentials: ${text}`, { cause })
  if (state === '3D000') return new WaybillError('WAYBILL_NOT_FOUND', `${address.text}: ${text}`, { cause })
  if (/certificate|self.signed|altname|does not support SSL/i.test(text))
    return new WaybillError('WAYBILL_NOT_CONNECTED', `${address.text} was not trusted, or has no TLS: ${text}`, {
      cause,
      cure: 'Pass the authority that signed its certificate as tls.ca (PEM).',
    })
  if (state !== undefined && isRefusal(cause) && !BUSY.test(state)) return statementError(address.text, cause)
  return new WaybillError('WAYBILL_NOT_CONNECTED', `${address.text} cannot be reached: ${text}`, { cause })
}

/** Why a statement failed. */
export function statementError(what: string, cause: unknown): Error {
  if (isWaybillError(cause)) return cause
  const text = textOf(cause)
  const state = sqlState(cause)
  if (state === undefined || !isRefusal(cause))
    return new WaybillError('WAYBILL_NOT_CONNECTED', `${what}: ${text}`, { cause })
  if (state === '42501') return new WaybillError('WAYBILL_ACCESS_REFUSED', `${what}: ${text}`, { cause })
  if (state === '42P01' || state === '3F000')
    return new WaybillError('WAYBILL_NOT_FOUND', `${what}: ${text}`, {
      cause,
      cure: 'Connect once with migrate: true, as a user that may make the schema.',
    })
  return new WaybillError('WAYBILL_REFUSED', `${what}: ${text} (${state})`, { cause })
}

function textOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(textOf).join(', ')
  return asText(cause instanceof Error ? cause.message : cause)
}
