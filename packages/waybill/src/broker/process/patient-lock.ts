import { isWaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { StoreLock } from '../store/store-files.ts'

const POLL_MS = 20

/**
 * Takes a lock that its holder may be about to give back.
 *
 * @throws {WaybillError} `WAYBILL_STORE_IN_USE` when it has not been given back within `waitMs`
 */
export async function patientLock(
  lock: () => Promise<StoreLock>,
  waitMs: number,
  runtime: Runtime,
): Promise<StoreLock> {
  const until = runtime.monotonic() + waitMs
  // Nothing else keeps a process running that has not opened anything yet.
  const release = runtime.keepAlive()
  try {
    for (;;) {
      try {
        return await lock()
      } catch (error) {
        if (!isWaybillError(error, 'WAYBILL_STORE_IN_USE') || runtime.monotonic() >= until) throw error
      }
      await new Promise<void>((resolve) => void runtime.setTimer(POLL_MS, resolve))
    }
  } finally {
    release()
  }
}
