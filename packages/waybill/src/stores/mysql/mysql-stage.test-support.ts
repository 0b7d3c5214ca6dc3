import { createPool } from 'mysql2/promise'
import type { Store } from '../../store/store.ts'
import type { StoreOptions } from '../sql/store-settings.ts'
import type { StoreStage } from '../store-clauses.test-support.ts'

export const mysqlUrl = process.env['WAYBILL_TEST_MARIADB_URL'] ?? ''
export const missingMysql =
  mysqlUrl === '' ? 'no MariaDB: npm run servers -- up mariadb, or set MARIADB_URL' : undefined

/** How one adapter reaches the database. */
export interface Adapter<Tx> {
  store(options?: StoreOptions): Store<Tx>
  /** A statement of the user's. */
  run(tx: Tx, text: string): Promise<void>
  close(): Promise<void>
}

const TABLES = ['inbox', 'outbox', 'schedule', 'relay', 'sequence', 'removed']

/** A database of its own for each adapter, gone afterwards. */
export async function mysqlStage<Tx>(name: string, adapt: (url: string) => Adapter<Tx>): Promise<StoreStage<Tx>> {
  const database = `waybill_test_${name}_${process.pid}`
  const server = createPool({ uri: mysqlUrl, connectionLimit: 1 })
  await server.query(`DROP DATABASE IF EXISTS ${database}`)
  await server.query(`CREATE DATABASE ${database}`)
  await server.query(`CREATE TABLE ${database}.note (text VARCHAR(100) NOT NULL) ENGINE = InnoDB`)
  const url = new URL(mysqlUrl)
  url.pathname = `/${database}`
  const adapter = adapt(url.href)
  return {
    store: (options) => adapter.store(options),
    write: (tx, text) => adapter.run(tx, `INSERT INTO note VALUES ('${text}')`),
    notes: async () => {
      const [rows] = await server.query(`SELECT text FROM ${database}.note`)
      return (rows as unknown as readonly { readonly text: string }[]).map(({ text }) => text)
    },
    fail: (tx) => adapter.run(tx, 'INSERT INTO note VALUES (NULL)'),
    clear: async () => {
      for (const table of TABLES) await server.query(`DELETE FROM ${database}.waybill_${table}`)
      await server.query(`DELETE FROM ${database}.note`)
      await server.query(`UPDATE ${database}.waybill_lane SET owner = NULL`)
    },
    run: async (text) => void (await server.query(text.replaceAll('{}', `${database}.waybill_`))),
    close: async () => {
      await adapter.close()
      await server.query(`DROP DATABASE ${database}`)
      await server.end()
    },
  }
}
