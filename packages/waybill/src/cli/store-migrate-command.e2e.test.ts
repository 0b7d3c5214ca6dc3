// `waybill store migrate`: an administrator makes the tables, and services that may not make them find them.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnection, createPool } from 'mysql2/promise'
import { Client, Pool } from 'pg'
import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../message/errors.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Store } from '../store/store.ts'
import { mysqlStore } from '../stores/mysql/mysql-store.ts'
import { postgresStore } from '../stores/postgres/postgres-store.ts'
import { sqliteStore } from '../stores/sqlite/sqlite-store.ts'
import { describeNeeding } from '../testing/needing.test-support.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const postgresUrl = process.env['WAYBILL_TEST_POSTGRES_URL'] ?? ''
const mysqlUrl = process.env['WAYBILL_TEST_MARIADB_URL'] ?? ''
const name = `waybill_cli_${process.pid}`

function waybill(...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      const said = (stdout + stderr).replace(/^.*ExperimentalWarning[^]*?\n(?=\S)/m, '').replace(/^\(Use.*\n/m, '')
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: said })
    })
  })
}

const open = async (store: Store<unknown>): Promise<void> => {
  await store.open(systemRuntime(), AbortSignal.timeout(10_000))
  await store.close()
}
const notThere = (error: unknown): boolean => isWaybillError(error, 'WAYBILL_NOT_FOUND')

describe('waybill store migrate', () => {
  test('makes tables in SQLite', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-cli-'))
    const path = join(folder, 'shop.db')
    const store = sqliteStore(path, { migrate: false })
    await expect(open(store)).rejects.toSatisfy(notThere)
    expect(await waybill('store', 'migrate', '--url', `sqlite:${path}`)).toEqual({
      code: 0,
      output: `the tables of the store in ${path} are at version 2\n`,
    })
    await open(store)
    rmSync(folder, { recursive: true })
  })

  test.each([
    ['amqp://guest:secret@host', 'no store is reached by amqp:'],
    ['nonsense', 'cannot be read'],
    ['sqlite:', 'names no file'],
    ['sqlite:/nowhere/at/all/shop.db', 'WAYBILL_STORE_UNWRITABLE'],
  ])('says what is wrong with %s', async (url, what) => {
    const { code, output } = await waybill('store', 'migrate', '--url', url)
    expect(output).toContain(what)
    expect(output).not.toContain('secret')
    expect(code).not.toBe(0)
  })
})

describeNeeding(postgresUrl === '' ? 'no PostgreSQL' : undefined)('waybill store migrate on PostgreSQL', () => {
  test('makes tables for a user who may not', { timeout: 60_000 }, async () => {
    const admin = new Client({ connectionString: postgresUrl })
    await admin.connect()
    await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'p'`)
    const own = new URL(postgresUrl)
    own.username = name
    own.password = 'p'
    const pool = new Pool({ connectionString: own.href })
    try {
      const as = (migrate: boolean): Store<unknown> => postgresStore(pool, { schema: name, migrate })
      await expect(open(as(false))).rejects.toSatisfy(notThere)
      await expect(open(as(true))).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_ACCESS_REFUSED'))
      const url = new URL(postgresUrl)
      url.searchParams.set('schema', name)
      expect(await waybill('store', 'migrate', '--url', url.href)).toEqual({
        code: 0,
        output: `the tables of the store in schema ${name} are at version 2\n`,
      })
      await expect(open(as(false))).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_ACCESS_REFUSED'))
      // As docs/stores.md says.
      await admin.query(`GRANT USAGE ON SCHEMA ${name} TO ${name}`)
      await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${name} TO ${name}`)
      const store = as(false)
      await store.open(systemRuntime(), AbortSignal.timeout(10_000))
      expect((await store.outbox.claimLanes('a', 32, 1_000)).length).toBe(32)
      await store.transaction((tx) => store.within(tx).nextSequence('a', 1))
      await store.close()
    } finally {
      await pool.end()
      await admin.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`)
      await admin.query(`DROP ROLE ${name}`)
      await admin.end()
    }
  })
})

describeNeeding(mysqlUrl === '' ? 'no MariaDB' : undefined)('waybill store migrate on MySQL', () => {
  test('makes tables for a user who may not', { timeout: 60_000 }, async () => {
    const admin = await createConnection({ uri: mysqlUrl })
    await admin.query(`CREATE DATABASE ${name}`)
    await admin.query(`CREATE USER '${name}'@'%' IDENTIFIED BY 'p'`)
    // As docs/stores.md says.
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${name}.* TO '${name}'@'%'`)
    const url = new URL(mysqlUrl)
    url.pathname = `/${name}`
    const pool = createPool({ uri: url.href, user: name, password: 'p' })
    try {
      const as = (migrate: boolean): Store<unknown> => mysqlStore(pool, { migrate })
      await expect(open(as(false))).rejects.toSatisfy(notThere)
      await expect(open(as(true))).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_ACCESS_REFUSED'))
      expect(await waybill('store', 'migrate', '--url', url.href)).toEqual({
        code: 0,
        output: `the tables of the store in database ${name} are at version 2\n`,
      })
      const store = as(false)
      await store.open(systemRuntime(), AbortSignal.timeout(10_000))
      expect((await store.outbox.claimLanes('a', 32, 1_000)).length).toBe(32)
      await store.transaction((tx) => store.within(tx).nextSequence('a', 1))
      await store.close()
    } finally {
      await pool.end()
      await admin.query(`DROP DATABASE ${name}`)
      await admin.query(`DROP USER '${name}'@'%'`)
      await admin.end()
    }
  })
})
