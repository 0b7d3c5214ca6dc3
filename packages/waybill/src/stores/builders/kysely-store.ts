import type { Store } from '../../store/store.ts'
import type { Answer, Row, Statement } from '../sql/executor.ts'
import { builderStore, type BuilderDialect, type BuilderStoreOptions } from './builder-store.ts'

export type KyselyStoreOptions = BuilderStoreOptions

/** A `Kysely` with its `PostgresDialect` or `MysqlDialect`. */
export interface KyselyDatabase<Tx> {
  transaction(): { execute<R>(work: (tx: Tx) => Promise<R>): Promise<R> }
}

/** What is used of a database and of its transactions. */
interface Runs {
  withoutPlugins(): { executeQuery(query: unknown): Promise<Result> }
}

interface Begins<Tx> {
  transaction(): { setIsolationLevel(level: string): { execute<R>(work: (tx: Tx) => Promise<R>): Promise<R> } }
  connection(): { execute<R>(work: (connection: unknown) => Promise<R>): Promise<R> }
}

interface Result {
  readonly rows: readonly Row[]
  readonly numAffectedRows?: bigint
}

/**
 * A store through Kysely, so that `transaction()` hands out its own transaction, with the tables that it knows. Statements of the
 * store go past its plugins.
 *
 * @typeParam Tx what a transaction hands out: `Transaction<DB>`
 */
export function kyselyStore<Tx>(
  { db, dialect }: { readonly db: KyselyDatabase<Tx>; readonly dialect: BuilderDialect },
  options: KyselyStoreOptions = {},
): Store<Tx> {
  if (typeof db?.transaction !== 'function' || !('withoutPlugins' in db))
    throw new TypeError('kyselyStore() takes { db }: an instance of Kysely, for PostgreSQL or MySQL')
  return builderStore(dialect, options, (isolation) => {
    const begins = db as unknown as Begins<Tx>
    return {
      run,
      once: (statement) => run(db, statement),
      transaction: (work) => begins.transaction().setIsolationLevel(isolation).execute(work),
      connection: (work) => begins.connection().execute((connection) => work(connection as Tx)),
    }
  })
}

async function run(on: unknown, { text, values }: Statement): Promise<Answer> {
  const { rows, numAffectedRows } = await (on as Runs).withoutPlugins().executeQuery({
    sql: text,
    parameters: values,
    query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
    queryId: { queryId: 'waybill' },
  })
  return { rows, changed: numAffectedRows === undefined ? rows.length : Number(numAffectedRows) }
}
