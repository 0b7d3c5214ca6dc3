// amqplib's errors as Waybill's. Its handshake errors have no code, so their text is read; a channel's have the reply code.
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { BrokerAddress } from './broker-address.ts'
import { tlsError } from './tls-errors.ts'

/** Reply codes of AMQP 0-9-1, section 1.2 of its reference. */
const ACCESS_REFUSED = 403
const NOT_FOUND = 404
const RESOURCE_LOCKED = 405
const PRECONDITION_FAILED = 406

/** Why one address could not be connected to. */
export function connectError(address: BrokerAddress, cause: unknown): WaybillError {
  const text = textOf(cause)
  if (/ACCESS.REFUSED|SASL mechanism/.test(text))
    return new WaybillError('WAYBILL_ACCESS_REFUSED', `${address.text} refused user ${address.username}`, { cause })
  // The answer to connection.open: the virtual host is missing, closed to this user, or full.
  if (text.includes('Expected ConnectionOpenOk; got <ConnectionClose'))
    return new WaybillError(
      'WAYBILL_ACCESS_REFUSED',
      `${address.text} refused virtual host ${address.vhost} to user ${address.username}`,
      { cause },
    )
  return (
    tlsError(address, cause) ??
    new WaybillError('WAYBILL_NOT_CONNECTED', `${address.text} cannot be reached: ${text}`, { cause })
  )
}

/** Why an operation on `entity` (`queue orders`) failed. */
export function operationError(entity: string, cause: unknown): Error {
  if (isWaybillError(cause)) return cause
  switch (replyCode(cause)) {
    case ACCESS_REFUSED:
      return new WaybillError('WAYBILL_ACCESS_REFUSED', `${entity}: ${textOf(cause)}`, { cause })
    case NOT_FOUND:
      return new WaybillError('WAYBILL_NOT_FOUND', `${entity}: ${textOf(cause)}`, { cause })
    case RESOURCE_LOCKED:
      return new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `${entity} belongs to another connection`, { cause })
    case PRECONDITION_FAILED:
      if (textOf(cause).includes('delivery acknowledgement on channel'))
        return new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `${entity}: ${textOf(cause)}`, {
          cause,
          cure: 'The broker ends a consumer that holds a delivery longer than its consumer_timeout: raise it, or pass it as rabbitmq({ consumerTimeout }).',
        })
      return new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `${entity}: ${textOf(cause)}`, { cause })
    case undefined:
      return new WaybillError('WAYBILL_NOT_CONNECTED', `${entity}: ${textOf(cause)}`, { cause })
    default:
      return new WaybillError('WAYBILL_UNSUPPORTED', `${entity}: ${textOf(cause)}`, { cause })
  }
}

/** The reply code of a channel or connection that the broker closed; `undefined` for a lost link. */
export function replyCode(cause: unknown): number | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'number' ? cause.code : undefined
}

function textOf(cause: unknown): string {
  // A host with several IP addresses: Node's error has no text of its own.
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(textOf).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}
