import { isWaybillError, WaybillError } from '../message/errors.ts'
import type { Deadlines } from '../runtime/deadlines.ts'
import { isPromiseLike, type Handling, type Middleware } from './handler.ts'

/**
 * Aborts `handling.signal` with WAYBILL_HANDLER_TIMEOUT after `timeoutMs` and tells `onTimeout` at once. The handler
 * keeps its slot and its key until it returns: letting another one start beside it would break order and limits. What it
 * returns late still counts, and so does that it put the message aside; when it throws anything else after the abort, the
 * time-out is the error, and what it threw the cause.
 */
export function timeout(
  timeoutMs: number,
  deadlines: Deadlines,
  onTimeout: (handling: Handling, error: WaybillError) => void,
): Middleware {
  const limit = async (result: PromiseLike<unknown>, handling: Handling): Promise<unknown> => {
    let expired: WaybillError | undefined
    const deadline = deadlines.add(timeoutMs, () => {
      expired = new WaybillError('WAYBILL_HANDLER_TIMEOUT', what(handling, timeoutMs))
      handling.abort(expired)
      onTimeout(handling, expired)
    })
    try {
      return await result
    } catch (error) {
      if (expired === undefined || error === expired || isWaybillError(error, 'WAYBILL_DEAD_LETTERED')) throw error
      throw new WaybillError('WAYBILL_HANDLER_TIMEOUT', what(handling, timeoutMs), { cause: error })
    } finally {
      deadline.cancel()
    }
  }
  return (next) => (handling) => {
    const result = next(handling)
    // What has returned already needs no deadline, and nothing could have interrupted it.
    return isPromiseLike(result) ? limit(result, handling) : result
  }
}

function what({ service, message: { type, id } }: Handling, timeoutMs: number): string {
  return `${service} did not handle ${type} (id ${id}) within ${timeoutMs} ms`
}
