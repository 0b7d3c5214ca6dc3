import { isWaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { abortable } from '../../transport/abortable.ts'
import type { OpenConnection } from '../../transport/link.ts'
import { Connection } from './connection.ts'
import type { Driver } from './driver.ts'
import type { RedisAddress } from './redis-address.ts'
import { connectError } from './redis-errors.ts'
import type { Settings } from './settings.ts'

/** How a link to Redis opens its connections. */
export function openConnection(
  driver: Driver,
  settings: Settings,
  runtime: Runtime,
): OpenConnection<RedisAddress, Connection> {
  return async (address, signal, lost) => {
    signal.throwIfAborted()
    let fault: Error | undefined
    const connection = new Connection(driver, address, settings, runtime, (cause) => {
      fault ??= cause
      lost(cause)
    })
    const late = runtime.setTimer(settings.connectTimeoutMs, () => connection.destroy())
    try {
      await abortable(connection.open(), signal)
      if (fault !== undefined) throw fault
      return connection
    } catch (error) {
      connection.destroy()
      signal.throwIfAborted()
      throw connectError(address, isWaybillError(error) && fault === undefined ? error : (fault ?? error))
    } finally {
      late.cancel()
    }
  }
}
