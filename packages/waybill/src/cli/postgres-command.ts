import { WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { postgres } from '../transports/postgres/postgres.ts'
import { postgresOptionsIn } from '../transports/postgres/postgres-url.ts'
import { SCHEMA_VERSION } from '../transports/postgres/schema.ts'

/**
 * Makes the tables of the PostgreSQL transport, or brings them up to date, as connecting does: for services that connect as a
 * user who may not.
 *
 * @throws {WaybillError} as connecting does, `WAYBILL_STORE_VERSION` when a newer Waybill has made them
 */
export async function migratePostgres(
  url: string | undefined,
  runtime: Runtime,
  print: (line: string) => void,
): Promise<void> {
  if (url === undefined) throw new WaybillError('WAYBILL_BAD_URL', 'neither --url nor WAYBILL_URL names a database')
  const options = postgresOptionsIn(url)
  const transport = await postgres({ ...options, migrate: true })(runtime)
  try {
    await transport.connect(new AbortController().signal)
  } finally {
    await transport.close(0)
  }
  print(`schema ${options.schema ?? 'waybill'} is at version ${SCHEMA_VERSION}`)
}
