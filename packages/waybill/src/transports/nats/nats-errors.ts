// The client's errors as Waybill's.
import { asText } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { NatsAddress } from './nats-address.ts'

/** Why one address could not be connected to. */
export function connectError(address: NatsAddress, cause: unknown): WaybillError {
  const text = textOf(cause)
  if (/authorization violation|authentication (?:expired|timeout)|user authentication|nkeys? not supported/i.test(text))
    return new WaybillError('WAYBILL_ACCESS_REFUSED', `${address.text} refused the credentials: ${text}`, { cause })
  if (/certificate|self.signed|altname|tls/i.test(text) && !/ECONNREFUSED/.test(text))
    return new WaybillError(
      'WAYBILL_NOT_CONNECTED',
      `${address.text} was not trusted, or does not speak TLS: ${text}`,
      {
        cause,
        cure: 'Pass the authority that signed its certificate as tls.ca (PEM); write tls:// where the server asks for TLS.',
      },
    )
  return new WaybillError('WAYBILL_NOT_CONNECTED', `${address.text} cannot be reached: ${text}`, { cause })
}

/** JetStream's own error codes. @see https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const JS_CONSUMER_NOT_FOUND = 10_014
export const JS_STREAM_NOT_FOUND = 10_059
export const JS_MESSAGE_NOT_FOUND = 10_037

/** JetStream's error code; `undefined` when it is no answer of JetStream's. */
export function apiCode(cause: unknown): number | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'number' ? cause.code : undefined
}

export function isMissing(cause: unknown): boolean {
  const code = apiCode(cause)
  return code === JS_CONSUMER_NOT_FOUND || code === JS_STREAM_NOT_FOUND || code === JS_MESSAGE_NOT_FOUND
}

/** Nobody listens on the subject that was asked; of JetStream's own subjects the client says that it is not enabled. */
export function isUnanswered(cause: unknown): boolean {
  return /no responders|jetstream (?:is )?not enabled/i.test(textOf(cause))
}

/** Why an operation on `entity` (`stream orders`) failed. */
export function operationError(entity: string, cause: unknown): Error {
  if (isWaybillError(cause)) return cause
  const text = textOf(cause)
  const code = apiCode(cause)
  if (/permissions? violation/i.test(text))
    return new WaybillError('WAYBILL_ACCESS_REFUSED', `${entity}: ${text}`, { cause })
  if (isMissing(cause)) return new WaybillError('WAYBILL_NOT_FOUND', `${entity}: ${text}`, { cause })
  if (/jetstream (?:is )?not enabled/i.test(text))
    return new WaybillError('WAYBILL_UNSUPPORTED', `${entity}: ${text}`, {
      cause,
      cure: 'Enable JetStream on the server: `jetstream {}` in its configuration.',
    })
  if (code === undefined) return new WaybillError('WAYBILL_NOT_CONNECTED', `${entity}: ${text}`, { cause })
  if (/insufficient|exceeded|maximum|resource limits/i.test(text))
    return new WaybillError('WAYBILL_REFUSED', `${entity}: ${text}`, { cause })
  return new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `${entity}: ${text} (${code})`, { cause })
}

function textOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(textOf).join(', ')
  if (!(cause instanceof Error)) return asText(cause)
  return cause.cause instanceof Error && cause.message !== cause.cause.message
    ? `${cause.message} (${cause.cause.message})`
    : cause.message
}
