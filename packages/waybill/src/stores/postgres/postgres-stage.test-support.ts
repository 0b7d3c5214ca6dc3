import { Client } from 'pg'
import type { Store } from '../../store/store.ts'
import type { StoreOptions } from '../sql/store-settings.ts'
import type { StoreStage } from '../store-clauses.test-support.ts'

export const postgresUrl = process.env['WAYBILL_TEST_POSTGRES_URL'] ?? ''
export const missingPostgres =
  postgresUrl === '' ? 'no PostgreSQL: npm run servers -- up postgres, or set POSTGRES_URL' : undefined

/** How one adapter reaches the database. */
export interface Adapter<Tx> {
  store(options?: StoreOptions): Store<Tx>
  /** A statement of the user's. */
  run(tx: Tx, text: string): Promise<void>
  close(): Promise<void>
}

const TABLES = ['inbox', 'outbox', 'schedule', 'relay', 'sequence', 'removed']

/** A schema of its own for each adapter, gone afterwards. */
export async function postgresStage<Tx>(
  name: string,
  adapt: (schema: string, url: string) => Adapter<Tx>,
): Promise<StoreStage<Tx>> {
  const schema = `waybill_test_${name}_${process.pid}`
  const own = new Client({ connectionString: postgresUrl })
  await own.connect()
  await own.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; DROP TABLE IF EXISTS ${schema}_note`)
  await own.query(`CREATE TABLE ${schema}_note (text text NOT NULL)`)
  const adapter = adapt(schema, postgresUrl)
  return {
    store: (options) => adapter.store(options),
    write: (tx, text) => adapter.run(tx, `INSERT INTO ${schema}_note VALUES ('${text}')`),
    notes: async () =>
      (await own.query<{ text: string }>(`SELECT text FROM ${schema}_note`)).rows.map(({ text }) => text),
    fail: (tx) => adapter.run(tx, `INSERT INTO ${schema}_note VALUES (NULL)`),
    clear: async () => {
      const tables = TABLES.map((table) => `${schema}.waybill_${table}`).join(', ')
      await own.query(`TRUNCATE ${tables}, ${schema}_note; UPDATE ${schema}.waybill_lane SET owner = NULL`)
    },
    run: async (text) => void (await own.query(text.replaceAll('{}', `${schema}.waybill_`))),
    close: async () => {
      await adapter.close()
      await own.query(`DROP SCHEMA ${schema} CASCADE; DROP TABLE ${schema}_note`)
      await own.end()
    },
  }
}
