import { WaybillError } from '../message/errors.ts'
import type { Deadlines } from '../runtime/deadlines.ts'
import type { Handling, Middleware } from './handler.ts'

/**
 * Aborts `handling.signal` with WAYBILL_HANDLER_TIMEOUT after `timeoutMs` and tells `onTimeout` at once. The handler
 * keeps its slot and its key until it returns: letting another one start beside it would break order and limits. What it
 * returns late still counts; when it throws after the abort, the time-out is the error.
 */
export function timeout(
  timeoutMs: number,
  deadlines: Deadlines,
  onTimeout: (handling: Handling, error: WaybillError) => void,
): Middleware {
  return (next) => async (handling) => {
    let expired: WaybillError | undefined
    const deadline = deadlines.add(timeoutMs, () => {
      const { type, id } = handling.message
      expired = new WaybillError(
        'WAYBILL_HANDLER_TIMEOUT',
        `${handling.service} did not handle ${type} (id ${id}) within ${timeoutMs} ms`,
      )
      handling.abort(expired)
      onTimeout(handling, expired)
    })
    try {
      return await next(handling)
    } catch (error) {
      if (expired === undefined) throw error
      throw expired
    } finally {
      deadline.cancel()
    }
  }
}
