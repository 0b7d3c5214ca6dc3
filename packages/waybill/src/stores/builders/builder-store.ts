import type { Store } from '../../store/store.ts'
import { mysqlFailure } from '../mysql/mysql-failure.ts'
import { mysqlDialect } from '../mysql/mysql-statements.ts'
import { GUARD, ISOLATION } from '../mysql/transaction-guard.ts'
import { CommitNews } from '../postgres/commit-news.ts'
import { postgresFailure } from '../postgres/postgres-failure.ts'
import type { PostgresPool } from '../postgres/postgres-pool.ts'
import { postgresDialect } from '../postgres/postgres-statements.ts'
import { isolationIn, schemaIn, type PostgresSchemaOptions } from '../postgres/postgres-store.ts'
import { SqlStore } from '../sql/sql-store.ts'
import { storeSettings } from '../sql/store-settings.ts'
import { BuilderExecutor, type Builder } from './builder-executor.ts'

/** `mysql` is MariaDB, too. */
export type BuilderDialect = 'postgres' | 'mysql'

/** With `mysql`, there is no `schema`, and the level of isolation is READ COMMITTED. */
export interface BuilderStoreOptions extends PostgresSchemaOptions {
  /**
   * The pool of `pg` that the query builder was given, for notifications of commits between processes: one client of it is kept.
   * Without it, and on MySQL, other processes find what was committed when they look.
   */
  readonly pool?: PostgresPool<unknown>
}

/** @throws {TypeError} */
export function builderStore<Tx>(
  dialect: BuilderDialect,
  options: BuilderStoreOptions,
  builderFor: (isolation: string) => Builder<Tx>,
): Store<Tx> {
  const settings = storeSettings(options)
  if (dialect === 'postgres') {
    const schema = schemaIn(options)
    const builder = builderFor(isolationIn(options))
    const { pool } = options
    const news = pool === undefined ? undefined : new CommitNews(pool, schema, (statement) => builder.once(statement))
    // In a transaction that has failed, any statement does.
    const executor = new BuilderExecutor(builder, { check: 'SELECT 1' }, postgresFailure, news)
    return new SqlStore(dialect, executor, postgresDialect(schema), settings)
  }
  if (dialect !== 'mysql') throw new TypeError(`dialect is 'postgres' or 'mysql', not ${String(dialect)}`)
  for (const name of ['schema', 'isolation', 'pool'] as const)
    if (options[name] !== undefined) throw new TypeError(`${name} is an option of PostgreSQL alone`)
  return new SqlStore(
    dialect,
    new BuilderExecutor(builderFor(ISOLATION), GUARD, mysqlFailure),
    mysqlDialect(),
    settings,
  )
}
