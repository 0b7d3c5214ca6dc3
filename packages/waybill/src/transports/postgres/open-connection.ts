import type { Runtime } from '../../runtime/runtime.ts'
import type { OpenConnection } from '../../transport/link.ts'
import type { Driver } from './driver.ts'
import type { PostgresAddress } from './postgres-address.ts'
import { connectError } from './postgres-errors.ts'
import type { Settings } from './settings.ts'
import { Wire } from './wire.ts'

/** How a link to PostgreSQL opens its connections. */
export function openConnection(
  driver: Driver,
  settings: Settings,
  runtime: Runtime,
): OpenConnection<PostgresAddress, Wire> {
  return async (address, signal, lost) => {
    signal.throwIfAborted()
    try {
      return await Wire.open(driver, address, settings, runtime, signal, lost)
    } catch (error) {
      signal.throwIfAborted()
      throw connectError(address, error)
    }
  }
}
