import { asError } from '../../message/as-error.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { handleEnd, handleStart, type HandleStarted } from '../observation/diagnostics.ts'
import type { Outcome, Process } from './outcome.ts'

/** Says of each delivery that its handling begins, and what came of it. Never rejects. */
export function observed(
  process: Process,
  { service, channel, group }: Pick<HandleStarted, 'service' | 'channel' | 'group'>,
  runtime: Runtime,
): Process {
  return async (delivery) => {
    const { message } = delivery
    const startedAt = runtime.monotonic()
    const seen = { message, service, channel, group, attempt: message.attempt }
    if (handleStart.hasSubscribers) handleStart.publish(seen)
    let outcome: Outcome
    try {
      outcome = await process(delivery)
    } catch (error) {
      // Not the handler's error, which has its outcome, but one on the way to it: kept for the operator, with its text.
      outcome = { action: 'reject', reason: 'failed', error }
    }
    if (handleEnd.hasSubscribers) {
      handleEnd.publish({
        ...seen,
        durationMs: runtime.monotonic() - startedAt,
        error: outcome.action === 'ack' ? undefined : asError(outcome.error),
        action: outcome.action,
      })
    }
    return outcome
  }
}
