// The end of a bus.
import { asText } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { BusParts } from './bus-parts.ts'
import { within } from '../../runtime/within.ts'

/** What a transport may take beyond the deadline to say goodbye; after that the bus ends without it. */
const GOODBYE_MS = 5_000

/**
 * Handlers first, because they may still send and ask; then what they have committed to be sent; then what was sent and
 * asked; then the link. Never rejects, and ends within `timeoutMs` and a few goodbyes, whatever handlers and transport do.
 * Afterwards no promise of the bus is left pending.
 */
export async function drainBus(parts: BusParts, timeoutMs: number): Promise<void> {
  const { transport, settings, deadlines, sends, replies, returnAddress, subscriptions, readings, stores } = parts
  const { runtime, logger } = settings
  const until = runtime.monotonic() + timeoutMs
  const left = (): number => Math.max(0, until - runtime.monotonic())
  const closed = async (what: string, close: () => Promise<void>): Promise<void> => {
    // Begun within a promise, so that a close() that throws is the same as one that rejects.
    const closing = Promise.resolve()
      .then(close)
      .catch((error: unknown) => logger.warn({ error: asText(error) }, `${what} did not close cleanly`))
    if (!(await within(deadlines, left() + GOODBYE_MS, closing))) logger.warn({}, `${what} did not close in time`)
  }
  for (const reading of readings)
    reading.end(new WaybillError('WAYBILL_CLOSED', 'the bus was closed while it was read'))
  await Promise.all(subscriptions.map((one) => closed(`the subscription to ${one.channel}`, () => one.close(left()))))
  // What the handlers have committed, while the link is there.
  await closed('an outbox', () => stores.drain(left()))
  await within(deadlines, left(), Promise.all([sends.idle(), replies.idle()]))
  sends.close()
  returnAddress.close()
  const what = 'the bus was closed before the reply came; the request may have been handled'
  replies.failAll(new WaybillError('WAYBILL_OUTCOME_UNKNOWN', what))
  await closed('the transport', () => transport.close(left()))
  sends.abandon()
  await closed('a store', () => stores.close())
  deadlines.clear()
}
