import type { DatabaseSync } from 'node:sqlite'
import { durationMs, type Duration } from '../../runtime/duration.ts'
import type { Store } from '../../store/store.ts'
import { SqlStore } from '../sql/sql-store.ts'
import { storeSettings, type StoreOptions } from '../sql/store-settings.ts'
import { SqliteExecutor } from './sqlite-executor.ts'
import { SQLITE } from './sqlite-statements.ts'

export interface SqliteStoreOptions extends StoreOptions {
  /**
   * How long a transaction waits for those before it in this process, and again for those of other processes. Default `30s`.
   */
  readonly lockTimeout?: Duration
}

/**
 * A store in SQLite (3.42 or later, which Node has): for services that share a machine, and for tests. There is one connection
 * and one transaction at a time; each commit keeps the event loop for as long as the disk takes to sync.
 *
 * Whoever uses the connection outside of `transaction()` finds himself inside of somebody's: read on a connection of your own.
 *
 * @param database a file, made when it is missing, which is set to WAL and `synchronous = FULL`; or a connection of yours, which
 * is taken as it is set up, and stays open. `:memory:` for tests
 */
export function sqliteStore(database: string | DatabaseSync, options: SqliteStoreOptions = {}): Store<DatabaseSync> {
  const isConnection = typeof database === 'object' && database !== null && 'prepare' in database
  if (!isConnection && (typeof database !== 'string' || database === ''))
    throw new TypeError('sqliteStore() takes the path of a file, or a DatabaseSync of node:sqlite')
  const patienceMs = durationMs(options.lockTimeout ?? '30s')
  return new SqlStore('sqlite', new SqliteExecutor({ database, patienceMs }), SQLITE, storeSettings(options))
}
