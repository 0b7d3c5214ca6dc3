import { asText } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { RowAnswer } from '../../outbox/row-answer.ts'
import type { OutboxRow } from '../../store/store.ts'
import type { BusSettings } from '../settings/bus-settings.ts'
import type { SendQueue } from '../sending/send-queue.ts'

/** Errors that say nothing about the message. */
const NOT_ITS_FAULT = [
  'WAYBILL_NOT_CONNECTED',
  'WAYBILL_OUTCOME_UNKNOWN',
  'WAYBILL_BACKPRESSURE',
  'WAYBILL_CLOSED',
  'WAYBILL_ABORTED',
] as const

/** From a row of the outbox to the broker, and what the relay is to do with the row then. Never rejects. */
export async function sendRow(
  row: OutboxRow,
  sends: SendQueue,
  { runtime, logger, sendTimeoutMs }: Pick<BusSettings, 'runtime' | 'logger' | 'sendTimeoutMs'>,
): Promise<RowAnswer> {
  const { message, to } = row
  if (message.expiresAt !== undefined && message.expiresAt <= runtime.now()) {
    logger.debug({ id: message.id, type: message.type }, 'a message of the outbox expired before it was sent')
    return { outcome: 'unwanted' }
  }
  try {
    await sends.send({ message, to }, sendTimeoutMs)
    return { outcome: 'stored' }
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(asText(cause))
    if (NOT_ITS_FAULT.some((code) => isWaybillError(error, code))) return { outcome: 'unknown', error }
    if (to.kind !== 'address' || !isWaybillError(error, 'WAYBILL_UNROUTABLE')) return { outcome: 'refused', error }
    logger.debug({ request: message.causationId, type: message.type }, 'nobody waits for this reply any more')
    return { outcome: 'unwanted' }
  }
}
