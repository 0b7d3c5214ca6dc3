import type { Store } from '../../store/store.ts'
import { SqlStore } from '../sql/sql-store.ts'
import { storeSettings, type StoreOptions } from '../sql/store-settings.ts'
import { MysqlExecutor } from './mysql-executor.ts'
import type { MysqlPool } from './mysql-pool.ts'
import { mysqlDialect } from './mysql-statements.ts'

export type MysqlStoreOptions = StoreOptions

/**
 * A store in MySQL (8 or later) or MariaDB (10.6 or later), through a pool of `mysql2/promise`. The tables are in the database that
 * the pool names. Transactions that are begun here are READ COMMITTED.
 *
 * @typeParam Connection what `transaction()` hands out: `PoolConnection` of `mysql2/promise`
 */
export function mysqlStore<Connection>(
  pool: MysqlPool<Connection>,
  options: MysqlStoreOptions = {},
): Store<Connection> {
  const isPool = typeof pool === 'object' && pool !== null && 'getConnection' in pool
  if (!isPool || 'release' in pool)
    throw new TypeError(
      'mysqlStore() takes a pool of mysql2/promise, not a connection of it, nor a pool of another driver',
    )
  if ('promise' in pool && typeof pool.promise === 'function')
    throw new TypeError("mysqlStore() takes a pool with promises: createPool() of 'mysql2/promise', or pool.promise()")
  return new SqlStore('mysql', new MysqlExecutor(pool), mysqlDialect(), storeSettings(options))
}
