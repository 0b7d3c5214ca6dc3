// The databases that services keep their state in, alike for whoever uses them here: one dialect of `?`, one way to read.
import type { DatabaseSync } from 'node:sqlite'
import type mysql from 'mysql2/promise'
import type pg from 'pg'
import type { Store } from '../../packages/waybill/src/store/store.ts'

export type Value = string | number

export interface Database<Tx> {
  readonly store: Store<Tx>
  /** Writes within a transaction. */
  run(tx: Tx, sql: string, values: readonly Value[]): Promise<void>
  /** Reads within a transaction. */
  all<Row>(tx: Tx, sql: string, values: readonly Value[]): Promise<readonly Row[]>
  /** Makes tables, outside of any transaction. */
  define(sql: readonly string[]): Promise<void>
  /** What a column that counts by itself is. */
  readonly counter: string
  close(): Promise<void>
}

/** @param url `postgres://…`, `mysql://…` or `sqlite:<path>` */
export async function openDatabase(url: string): Promise<Database<unknown>> {
  if (url.startsWith('postgres:')) return await postgresDatabase(url)
  if (url.startsWith('mysql:')) return await mysqlDatabase(url)
  return await sqliteDatabase(url.slice('sqlite:'.length))
}

async function postgresDatabase(url: string): Promise<Database<pg.PoolClient>> {
  const { default: pg } = await import('pg')
  const { postgresStore } = await import('../../packages/waybill/src/stores/postgres/postgres-store.ts')
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  pool.on('error', () => undefined) // the next use tells
  const numbered = (sql: string): string => {
    let n = 0
    return sql.replaceAll('?', () => `$${++n}`)
  }
  return {
    store: postgresStore(pool),
    run: async (tx, sql, values) => void (await tx.query(numbered(sql), [...values])),
    all: async <Row>(tx: pg.PoolClient, sql: string, values: readonly Value[]) =>
      (await tx.query(numbered(sql), [...values])).rows as readonly Row[],
    define: async (sql) => {
      for (const each of sql) await pool.query(each)
    },
    counter: 'bigserial PRIMARY KEY',
    close: () => pool.end(),
  }
}

async function mysqlDatabase(url: string): Promise<Database<mysql.PoolConnection>> {
  const { default: mysql } = await import('mysql2/promise')
  const { mysqlStore } = await import('../../packages/waybill/src/stores/mysql/mysql-store.ts')
  const pool = mysql.createPool({ uri: url, connectionLimit: 20 })
  return {
    store: mysqlStore(pool),
    run: async (tx, sql, values) => void (await tx.execute(sql, [...values])),
    all: async <Row>(tx: mysql.PoolConnection, sql: string, values: readonly Value[]) =>
      (await tx.execute(sql, [...values]))[0] as unknown as readonly Row[],
    define: async (sql) => {
      for (const each of sql) await pool.query(each)
    },
    counter: 'bigint AUTO_INCREMENT PRIMARY KEY',
    close: () => pool.end(),
  }
}

async function sqliteDatabase(path: string): Promise<Database<DatabaseSync>> {
  const { DatabaseSync: Connection } = await import('node:sqlite')
  const { sqliteStore } = await import('../../packages/waybill/src/stores/sqlite/sqlite-store.ts')
  return {
    store: sqliteStore(path),
    run: (tx, sql, values) => Promise.resolve(void tx.prepare(sql).run(...values)),
    all: <Row>(tx: DatabaseSync, sql: string, values: readonly Value[]) =>
      Promise.resolve(tx.prepare(sql).all(...values) as unknown as readonly Row[]),
    define: (sql) => {
      const connection = new Connection(path)
      for (const each of sql) connection.exec(each)
      connection.close()
      return Promise.resolve()
    },
    counter: 'integer PRIMARY KEY AUTOINCREMENT',
    close: () => Promise.resolve(),
  }
}
