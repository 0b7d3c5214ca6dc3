import type { DatabaseTransportFactory, TransportFactory } from '../../transport/transport-factory.ts'
import type { PostgresOptions } from './postgres-options.ts'
import { settingsOf } from './settings.ts'
import type { PostgresTransaction } from './within-transaction.ts'

/**
 * A queue in a PostgreSQL database (13 or newer), through the driver pg (`npm i pg`). Its tables are in a schema of their
 * own, and are made or brought up to date when the transport connects.
 *
 * Connecting rejects with `WAYBILL_DRIVER_MISSING`, `WAYBILL_NOT_CONNECTED` when no server can be reached or trusted,
 * `WAYBILL_ACCESS_REFUSED` when the credentials are refused, `WAYBILL_STORE_VERSION` when a newer Waybill has made the
 * schema. With several servers the error gives the reason of each. Once it is up, the link is kept up.
 *
 * Where the bus has no store, `bus.in(client)` sends within a transaction of yours in the same database.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, at once, when an address cannot be read
 */
export function postgres(options: PostgresOptions): DatabaseTransportFactory<PostgresTransaction> {
  const settings = settingsOf(options)
  const factory: TransportFactory = async (runtime) => {
    const { PostgresTransport } = await import('./postgres-transport.ts')
    return new PostgresTransport(settings, runtime)
  }
  return Object.assign(factory, { database: true as const })
}
