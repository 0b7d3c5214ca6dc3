import {
  CamelCasePlugin,
  Kysely,
  MysqlDialect,
  ParseJSONResultsPlugin,
  PostgresDialect,
  sql,
  type Transaction,
} from 'kysely'
import { createPool } from 'mysql2'
import { Pool } from 'pg'
import { missingMysql, mysqlStage } from '../mysql/mysql-stage.test-support.ts'
import { missingPostgres, postgresStage } from '../postgres/postgres-stage.test-support.ts'
import { describeStore } from '../store-clauses.test-support.ts'
import { kyselyStore } from './kysely-store.ts'

type Tables = Record<string, never>

// They would rename columns, and take heads apart.
const plugins = [new CamelCasePlugin(), new ParseJSONResultsPlugin()]
const run = async (tx: Transaction<Tables>, text: string): Promise<void> => void (await sql.raw(text).execute(tx))

describeStore<Transaction<Tables>>({
  name: 'kyselyStore on PostgreSQL',
  missing: missingPostgres,
  stage: () =>
    postgresStage('kysely', (schema, url) => {
      const pool = new Pool({ connectionString: url, max: 20 })
      const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins })
      return {
        store: (options) => kyselyStore({ db, dialect: 'postgres' }, { ...options, schema }),
        run,
        close: () => db.destroy(),
      }
    }),
})

describeStore<Transaction<Tables>>({
  name: 'kyselyStore on MySQL',
  missing: missingMysql,
  stage: () =>
    mysqlStage('kysely', (url) => {
      const db = new Kysely<Tables>({
        dialect: new MysqlDialect({ pool: createPool({ uri: url, connectionLimit: 20 }) }),
        plugins,
      })
      return { store: (options) => kyselyStore({ db, dialect: 'mysql' }, options), run, close: () => db.destroy() }
    }),
})
