import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { PostgresOptions } from './postgres-options.ts'
import { settingsOf } from './settings.ts'

/**
 * A queue in a PostgreSQL database (13 or newer), through the driver pg (`npm i pg`). Its tables are in a schema of their
 * own, and are made or brought up to date when the transport connects.
 *
 * Connecting rejects with `WAYBILL_DRIVER_MISSING`, `WAYBILL_NOT_CONNECTED` when no server can be reached or trusted,
 * `WAYBILL_ACCESS_REFUSED` when the credentials are refused, `WAYBILL_STORE_VERSION` when a newer Waybill has made the
 * schema. With several servers the error gives the reason of each. Once it is up, the link is kept up.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, at once, when an address cannot be read
 */
export function postgres(options: PostgresOptions): TransportFactory {
  const settings = settingsOf(options)
  return async (runtime) => {
    const { PostgresTransport } = await import('./postgres-transport.ts')
    return new PostgresTransport(settings, runtime)
  }
}
