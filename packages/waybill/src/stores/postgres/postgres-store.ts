import type { Store } from '../../store/store.ts'
import { SqlStore } from '../sql/sql-store.ts'
import { storeSettings, type StoreOptions } from '../sql/store-settings.ts'
import { PostgresExecutor, type PostgresIsolation } from './postgres-executor.ts'
import type { PostgresPool } from './postgres-pool.ts'
import { postgresDialect } from './postgres-statements.ts'

/** What every store over PostgreSQL takes. */
export interface PostgresSchemaOptions extends StoreOptions {
  /** Where the tables are: 1 to 40 lower-case letters, digits or `_`. Default `waybill_store`. */
  readonly schema?: string
  /**
   * Of the transactions that are begun here. Default `read committed`: who waits for the inbox sees what the other has committed.
   * On the others the database refuses such a transaction, and the message is handled again.
   */
  readonly isolation?: PostgresIsolation
}

export interface PostgresStoreOptions extends PostgresSchemaOptions {
  /** `false` behind a pooler that hands each statement to another server process. Default `true`: prepared by name. */
  readonly prepare?: boolean
}

/**
 * A store in PostgreSQL (13 or later), through a pool of the driver `pg`. One client of the pool is kept for notifications while
 * a bus runs.
 *
 * @typeParam Client what `transaction()` hands out: `pg.PoolClient`
 */
export function postgresStore<Client>(pool: PostgresPool<Client>, options: PostgresStoreOptions = {}): Store<Client> {
  const isPool = typeof pool === 'object' && pool !== null && 'connect' in pool && typeof pool.connect === 'function'
  if (!isPool || 'release' in pool || 'getConnection' in pool || !('totalCount' in pool))
    throw new TypeError(
      'postgresStore() takes a Pool of the package pg, not a client of it, nor a pool of another driver',
    )
  const schema = schemaIn(options)
  const executor = new PostgresExecutor<Client>(pool, {
    prepare: options.prepare ?? true,
    isolation: isolationIn(options),
    schema,
  })
  return new SqlStore('postgres', executor, postgresDialect(schema), storeSettings(options))
}

/** It stands in statements and, with a suffix, in names of at most 63 bytes. @throws {TypeError} */
export function schemaIn({ schema = 'waybill_store' }: PostgresSchemaOptions): string {
  if (/^[a-z_][a-z0-9_]{0,39}$/.test(schema)) return schema
  throw new TypeError(`schema ${schema} must be 1 to 40 lower-case letters, digits or _, and begin with no digit`)
}

const ISOLATIONS: readonly PostgresIsolation[] = ['read committed', 'repeatable read', 'serializable']

/** It stands in statements. @throws {TypeError} */
export function isolationIn({ isolation = 'read committed' }: PostgresSchemaOptions): PostgresIsolation {
  if (ISOLATIONS.includes(isolation)) return isolation
  throw new TypeError(`isolation ${isolation} is none of ${ISOLATIONS.join(', ')}`)
}
