import type { Store } from '../../store/store.ts'
import { mysqlAnswer } from '../mysql/mysql-executor.ts'
import type { Answer, Row, Statement } from '../sql/executor.ts'
import type { Builder } from './builder-executor.ts'
import { builderStore, type BuilderDialect, type BuilderStoreOptions } from './builder-store.ts'

export type DrizzleStoreOptions = BuilderStoreOptions

/** A database of `drizzle-orm` on `node-postgres` or `mysql2`. */
export interface DrizzleDatabase<Tx> {
  transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R>
}

/** `sql` of `drizzle-orm`. */
export interface DrizzleSql {
  raw(text: string): unknown
  param(value: unknown): unknown
  join(chunks: unknown[]): unknown
}

/** What is used of a database and of its transactions. */
interface Executes {
  execute(query: unknown): Promise<unknown>
}

interface Begins {
  transaction(work: (tx: unknown) => Promise<unknown>, config: { readonly isolationLevel: string }): Promise<unknown>
}

/**
 * A store through Drizzle, so that `transaction()` hands out its own transaction, with the schema that it knows.
 *
 * @param parts.sql `sql` of the same `drizzle-orm`
 * @typeParam Tx what `db.transaction()` hands out
 */
export function drizzleStore<Tx>(
  {
    db,
    sql,
    dialect,
  }: { readonly db: DrizzleDatabase<Tx>; readonly sql: DrizzleSql; readonly dialect: BuilderDialect },
  options: DrizzleStoreOptions = {},
): Store<Tx> {
  if (typeof db?.transaction !== 'function' || !('execute' in db))
    throw new TypeError(
      'drizzleStore() takes { db }: what drizzle() of drizzle-orm has returned, for PostgreSQL or MySQL',
    )
  if (typeof sql?.raw !== 'function' || typeof sql.param !== 'function')
    throw new TypeError('drizzleStore() takes { sql }: that of drizzle-orm')
  return builderStore(dialect, options, (isolationLevel) => {
    const run = async (on: unknown, statement: Statement): Promise<Answer> =>
      answerOf(dialect, await (on as Executes).execute(query(sql, dialect, statement)))
    const builder: Builder<Tx> = {
      run,
      once: (statement) => run(db, statement),
      transaction: async <R>(work: (tx: Tx) => Promise<R>): Promise<R> => {
        const begin = db as unknown as Begins
        return (await begin.transaction((tx) => work(tx as Tx), { isolationLevel })) as R
      },
      connection: (work) => db.transaction(work),
    }
    return builder
  })
}

/** Drizzle numbers parameters itself, so a text is taken apart where they are. */
function query(sql: DrizzleSql, dialect: BuilderDialect, { text, values }: Statement): unknown {
  const chunks: unknown[] = []
  let next = 0
  for (const [n, part] of text.split(dialect === 'postgres' ? /\$(\d+)/ : /(\?)/).entries())
    if (n % 2 === 0) chunks.push(sql.raw(part))
    else chunks.push(sql.param(values[dialect === 'postgres' ? Number(part) - 1 : next++]))
  return sql.join(chunks)
}

function answerOf(dialect: BuilderDialect, answer: unknown): Answer {
  // Of mysql2: rows or a header, and fields.
  if (dialect === 'mysql') return mysqlAnswer((answer as readonly unknown[])[0])
  const { rows, rowCount } = answer as { readonly rows: readonly Row[]; readonly rowCount: number | null }
  return { rows, changed: rowCount ?? 0 }
}
