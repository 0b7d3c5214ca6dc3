// What each store hands out as a transaction is the user's own type of it. Checked by `tsc`; never run.
import { sql } from 'drizzle-orm'
import type { MySql2Database } from 'drizzle-orm/mysql2'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Kysely, Transaction } from 'kysely'
import type { Pool as CallbackPool } from 'mysql2'
import type { Pool as MysqlPool, PoolConnection } from 'mysql2/promise'
import type { DatabaseSync } from 'node:sqlite'
import type { Client, Pool, PoolClient } from 'pg'
import { expectTypeOf } from 'vitest'
import type { Store } from '../store/store.ts'
import { drizzleStore } from './builders/drizzle-store.ts'
import { kyselyStore } from './builders/kysely-store.ts'
import { mysqlStore } from './mysql/mysql-store.ts'
import { postgresStore } from './postgres/postgres-store.ts'
import { sqliteStore } from './sqlite/sqlite-store.ts'

type TxOf<S> = S extends Store<infer Tx> ? Tx : never

interface Tables {
  readonly orders: { readonly id: string }
}

declare const pgPool: Pool
declare const pgClient: Client
declare const mysqlPool: MysqlPool
declare const mysqlConnection: PoolConnection
declare const callbackPool: CallbackPool
declare const pgDb: NodePgDatabase
declare const mysqlDb: MySql2Database
declare const kysely: Kysely<Tables>
declare const sqlite: DatabaseSync

const ofPg = postgresStore(pgPool)
expectTypeOf<TxOf<typeof ofPg>>().toEqualTypeOf<PoolClient>()
void ofPg.transaction(async (tx) => (await tx.query<{ n: number }>('SELECT 1 AS n')).rows[0]?.n)
// @ts-expect-error a client has one transaction at a time
postgresStore(pgClient)
// @ts-expect-error another driver's pool
postgresStore(mysqlPool)

const ofMysql = mysqlStore(mysqlPool)
expectTypeOf<TxOf<typeof ofMysql>>().toEqualTypeOf<PoolConnection>()
// @ts-expect-error a connection has one transaction at a time
mysqlStore(mysqlConnection)
// @ts-expect-error it has callbacks: callbackPool.promise()
mysqlStore(callbackPool)
// @ts-expect-error another driver's pool
mysqlStore(pgPool)

expectTypeOf<TxOf<ReturnType<typeof sqliteStore>>>().toEqualTypeOf<DatabaseSync>()
sqliteStore(sqlite)
sqliteStore('shop.db', { lockTimeout: '5s', inboxRetention: '30d' })
// @ts-expect-error not a duration
sqliteStore('shop.db', { lockTimeout: 'soon' })

const ofDrizzlePg = drizzleStore({ db: pgDb, sql, dialect: 'postgres' }, { schema: 'shop', pool: pgPool })
expectTypeOf<TxOf<typeof ofDrizzlePg>>().toEqualTypeOf<Parameters<Parameters<typeof pgDb.transaction>[0]>[0]>()
const ofDrizzleMysql = drizzleStore({ db: mysqlDb, sql, dialect: 'mysql' })
expectTypeOf<TxOf<typeof ofDrizzleMysql>>().toEqualTypeOf<Parameters<Parameters<typeof mysqlDb.transaction>[0]>[0]>()
// @ts-expect-error no such dialect
drizzleStore({ db: pgDb, sql, dialect: 'oracle' })
// @ts-expect-error a pool is no database of Drizzle
drizzleStore({ db: pgPool, sql, dialect: 'postgres' })

const ofKysely = kyselyStore({ db: kysely, dialect: 'postgres' })
expectTypeOf<TxOf<typeof ofKysely>>().toEqualTypeOf<Transaction<Tables>>()
void ofKysely.transaction((tx) => tx.selectFrom('orders').select('id').execute())
// @ts-expect-error a pool is no Kysely
kyselyStore({ db: pgPool, dialect: 'postgres' })
