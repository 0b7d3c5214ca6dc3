// Each snippet runs: an order is billed once, and its invoice is sent.
import { createBus, embedded, service, type Service } from 'waybill'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { describeNeeding } from '../../packages/waybill/src/testing/needing.test-support.ts'
import { billing as onDrizzle } from './drizzle.ts'
import { billing as onKysely } from './kysely.ts'
import { billing as onMysql } from './mysql.ts'
import { billing as onPostgres } from './postgres.ts'
import { invoices, orders } from './shop.ts'
import { billing as onSqlite } from './sqlite.ts'

const postgresUrl = process.env['WAYBILL_TEST_POSTGRES_URL'] ?? ''
const mysqlUrl = process.env['WAYBILL_TEST_MARIADB_URL'] ?? ''
const database = `waybill_docs_${process.pid}`
const TABLE = 'create table invoice (id varchar(40) primary key, total int not null)'

async function billOnce(billing: Service): Promise<void> {
  const sent: string[] = []
  const post = service('post').on(invoices.sent, ({ order }) => void sent.push(order))
  const transport = embedded({ memory: true })
  const bus = await createBus({ transport, services: [billing, post], drainOn: [], name: 'shop' })
  try {
    // The same message twice, as a broker may hand it out.
    for (const id of ['m1', 'm1', 'm2']) await bus.publish(orders.placed, { order: `o-${id}`, total: 5 }, { id })
    await expect.poll(() => sent.length, { timeout: 10_000 }).toBe(2)
  } finally {
    await bus.drain()
  }
  expect(sent.sort()).toEqual(['o-m1', 'o-m2'])
}

test('SQLite', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-docs-'))
  const path = join(folder, 'shop.db')
  const own = new DatabaseSync(path)
  own.exec(TABLE)
  await billOnce(onSqlite(path))
  expect(own.prepare('select id from invoice order by id').all()).toEqual([{ id: 'o-m1' }, { id: 'o-m2' }])
  own.close()
  rmSync(folder, { recursive: true })
})

describeNeeding(postgresUrl === '' ? 'no PostgreSQL' : undefined)('PostgreSQL', () => {
  test.each([
    ['pg', onPostgres],
    ['Drizzle', onDrizzle],
  ])('%s', { timeout: 60_000 }, async (_, open) => {
    const admin = new Client({ connectionString: postgresUrl })
    await admin.connect()
    await admin.query(`create database ${database}`)
    const url = new URL(postgresUrl)
    url.pathname = `/${database}`
    const own = new Client({ connectionString: url.href })
    await own.connect()
    await own.query(TABLE)
    const { service: billing, close } = open(url.href)
    await billOnce(billing)
    expect((await own.query('select id from invoice order by id')).rows).toEqual([{ id: 'o-m1' }, { id: 'o-m2' }])
    await close()
    await own.end()
    await admin.query(`drop database ${database}`)
    await admin.end()
  })
})

describeNeeding(mysqlUrl === '' ? 'no MariaDB' : undefined)('MySQL', () => {
  test.each([
    ['mysql2', onMysql],
    ['Kysely', onKysely],
  ])('%s', { timeout: 60_000 }, async (_, open) => {
    const own = await createConnection({ uri: mysqlUrl })
    await own.query(`create database ${database}`)
    await own.query(`use ${database}`)
    await own.query(TABLE)
    const url = new URL(mysqlUrl)
    url.pathname = `/${database}`
    const { service: billing, close } = open(url.href)
    await billOnce(billing)
    expect((await own.query('select id from invoice order by id'))[0]).toEqual([{ id: 'o-m1' }, { id: 'o-m2' }])
    await close()
    await own.query(`drop database ${database}`)
    await own.end()
  })
})
