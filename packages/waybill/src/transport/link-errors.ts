import { isWaybillError, WaybillError } from '../message/errors.ts'

/** What a transport answers from `close()` on. @param title what people call the engine */
export function closedError(title: string, cause?: unknown): WaybillError {
  if (isWaybillError(cause, 'WAYBILL_CLOSED')) return cause
  return new WaybillError('WAYBILL_CLOSED', `the ${title} transport is closed`, { cause })
}

export function lostError(address: string, cause: Error): WaybillError {
  if (isWaybillError(cause)) return cause
  return new WaybillError('WAYBILL_NOT_CONNECTED', `lost the link to ${address}: ${cause.message}`, { cause })
}

/** Why none of several addresses could be connected to. One that refused us outweighs those that are away. */
export function connectErrors(failures: readonly Error[]): Error {
  const [only] = failures
  if (only === undefined) return new WaybillError('WAYBILL_NOT_CONNECTED', 'the broker has no address now')
  if (failures.length === 1) return only
  const refused = failures.some((failure) => isWaybillError(failure, 'WAYBILL_ACCESS_REFUSED'))
  const each = failures.map(({ message }) => message.split('\n', 1)[0]).join('; ')
  return new WaybillError(
    refused ? 'WAYBILL_ACCESS_REFUSED' : 'WAYBILL_NOT_CONNECTED',
    `none of ${failures.length} addresses: ${each}`,
    { cause: new AggregateError(failures, each) },
  )
}
