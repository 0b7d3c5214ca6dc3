import { sql } from 'drizzle-orm'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { missingMysql, mysqlStage } from '../mysql/mysql-stage.test-support.ts'
import { missingPostgres, postgresStage } from '../postgres/postgres-stage.test-support.ts'
import { describeStore } from '../store-clauses.test-support.ts'
import { drizzleStore } from './drizzle-store.ts'

type Executes = { execute(query: ReturnType<typeof sql.raw>): Promise<unknown> }

describeStore({
  name: 'drizzleStore on PostgreSQL',
  missing: missingPostgres,
  stage: () =>
    postgresStage('drizzle', (schema, url) => {
      const pool = new Pool({ connectionString: url, max: 20 })
      const db = drizzlePostgres(pool)
      return {
        store: (options) => drizzleStore({ db, sql, dialect: 'postgres' }, { ...options, schema }),
        run: async (tx: Executes, text) => void (await tx.execute(sql.raw(text))),
        close: () => pool.end(),
      }
    }),
})

describeStore({
  name: 'drizzleStore on MySQL',
  missing: missingMysql,
  stage: () =>
    mysqlStage('drizzle', (url) => {
      const pool = createPool({ uri: url, connectionLimit: 20 })
      const db = drizzleMysql(pool)
      return {
        store: (options) => drizzleStore({ db, sql, dialect: 'mysql' }, options),
        run: async (tx: Executes, text) => void (await tx.execute(sql.raw(text))),
        close: () => pool.end(),
      }
    }),
})
