import { Pool, type PoolClient } from 'pg'
import { describeStore } from '../store-clauses.test-support.ts'
import { missingPostgres, postgresStage } from './postgres-stage.test-support.ts'
import { postgresStore } from './postgres-store.ts'

describeStore<PoolClient>({
  name: 'postgresStore',
  missing: missingPostgres,
  stage: () =>
    postgresStage('pg', (schema, url) => {
      const pool = new Pool({ connectionString: url, max: 20 })
      return {
        store: (options) => postgresStore(pool, { ...options, schema }),
        run: async (tx, text) => void (await tx.query(text)),
        close: () => pool.end(),
      }
    }),
})
