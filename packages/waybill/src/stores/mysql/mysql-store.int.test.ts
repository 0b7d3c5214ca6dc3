import { createPool, type PoolConnection } from 'mysql2/promise'
import { describeStore } from '../store-clauses.test-support.ts'
import { missingMysql, mysqlStage } from './mysql-stage.test-support.ts'
import { mysqlStore } from './mysql-store.ts'

describeStore<PoolConnection>({
  name: 'mysqlStore',
  missing: missingMysql,
  stage: () =>
    mysqlStage('mysql', (url) => {
      const pool = createPool({ uri: url, connectionLimit: 20 })
      return {
        store: (options) => mysqlStore(pool, options),
        run: async (tx, text) => void (await tx.query(text)),
        close: () => pool.end(),
      }
    }),
})
