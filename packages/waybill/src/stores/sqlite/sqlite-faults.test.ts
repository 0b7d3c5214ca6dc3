import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { Store } from '../../store/store.ts'
import { channel, message } from '../../transport/fixtures.test-support.ts'
import { sqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'

const runtime = systemRuntime()

describe('sqliteStore()', () => {
  let folder: string
  let path: string
  const stores: Store<DatabaseSync>[] = []
  const opened = async (of: string | DatabaseSync, options?: SqliteStoreOptions): Promise<Store<DatabaseSync>> => {
    const store = sqliteStore(of, options)
    await store.open(runtime, AbortSignal.timeout(10_000))
    stores.push(store)
    return store
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-sqlite-'))
    path = join(folder, 'shop.db')
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close()
    rmSync(folder, { recursive: true })
  })
  const enqueue = (store: Store<DatabaseSync>, id: string): Promise<void> =>
    store.transaction((tx) => store.within(tx).enqueue([{ message: message(id), to: channel('events', 'orders') }]))

  test('waits for another process that writes, and lets everything else go on meanwhile', async () => {
    const store = await opened(path)
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const waiting = enqueue(store, 'm1')
    let turns = 0
    while (turns < 20) await new Promise<void>((resolve) => runtime.defer(() => resolve(void turns++)))
    other.exec('COMMIT')
    await waiting
    other.close()
    expect((await store.outbox.inspect()).waiting).toBe(1)
  })

  test('gives up after lockTimeout, and says so', async () => {
    const store = await opened(path, { lockTimeout: 50 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    await expect(enqueue(store, 'm1')).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
    other.close()
    await enqueue(store, 'm2')
  })

  test('a commit waits for those who read, on a connection without WAL', async () => {
    const connection = new DatabaseSync(path)
    const store = await opened(connection)
    const reader = new DatabaseSync(path)
    reader.exec('BEGIN; SELECT count(*) FROM waybill_outbox')
    const committing = enqueue(store, 'm1')
    let turns = 0
    while (turns < 20) await new Promise<void>((resolve) => runtime.defer(() => resolve(void turns++)))
    reader.exec('COMMIT')
    await committing
    reader.close()
    expect((await store.outbox.inspect()).waiting).toBe(1)
    await stores.pop()?.close()
    connection.close()
  })

  test('a transaction inside of a transaction ends with an error that says so, not never', async () => {
    const store = await opened(path, { lockTimeout: 50 })
    const inner = store.transaction(() => enqueue(store, 'm1'))
    await expect(inner).rejects.toThrow(/open none inside of another one/)
    await enqueue(store, 'm2')
  })

  test('who waits gets his turn in the order of the calls', async () => {
    const store = await opened(path)
    const order: number[] = []
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.transaction(async () => {
          order.push(n)
          await Promise.resolve()
        }),
      ),
    )
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  test('a process that is killed in a transaction leaves no lock and no row', { timeout: 30_000 }, async () => {
    const store = await opened(path)
    await enqueue(store, 'kept')
    const script = `const { DatabaseSync } = require('node:sqlite'); const db = new DatabaseSync(${JSON.stringify(path)})
      db.exec("BEGIN IMMEDIATE; DELETE FROM waybill_outbox"); console.log('begun'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
    const waiting = enqueue(store, 'after')
    child.kill('SIGKILL')
    await waiting
    expect((await store.outbox.inspect()).waiting).toBe(2)
  })

  test('a transaction that ended by itself is not taken for committed', async () => {
    const store = await opened(path)
    const failed = store.transaction(async (tx) => {
      await store.within(tx).receive('g', ['m1'])
      tx.exec('ROLLBACK')
    })
    await expect(failed).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
    expect(await store.transaction((tx) => store.within(tx).receive('g', ['m1']))).toEqual(new Set())
  })

  test('close() waits for the transaction that runs, and refuses what it asks further; a connection that was given stays open', async () => {
    const connection = new DatabaseSync(':memory:')
    const store = sqliteStore(connection)
    await store.open(runtime, AbortSignal.timeout(10_000))
    const gate = Promise.withResolvers<void>()
    const running = store.transaction(async (tx) => {
      await gate.promise
      return store.within(tx).nextSequence('a', 1)
    })
    const closing = store.close()
    gate.resolve()
    expect(await running.catch((error: unknown) => isWaybillError(error) && error.code)).toBe('WAYBILL_CLOSED')
    await closing
    expect(connection.prepare('SELECT count(*) AS n FROM waybill_lane').get()).toEqual({ n: 32 })
    connection.close()
  })

  test('keeps a file that it opens safe from a power loss', async () => {
    const store = await opened(path)
    const modes = await store.transaction(async (tx) => [
      tx.prepare('PRAGMA journal_mode').get()?.['journal_mode'],
      tx.prepare('PRAGMA synchronous').get()?.['synchronous'],
    ])
    expect(modes).toEqual(['wal', 2])
  })

  test('says what is wrong', async () => {
    expect(() => sqliteStore('')).toThrow(TypeError)
    expect(() => sqliteStore({} as never)).toThrow(/path of a file, or a DatabaseSync/)
    const nowhere = sqliteStore(join(folder, 'no', 'such', 'folder.db'))
    await expect(nowhere.open(runtime, AbortSignal.timeout(10_000))).rejects.toSatisfy((error) =>
      isWaybillError(error, 'WAYBILL_STORE_UNWRITABLE'),
    )
    const empty = sqliteStore(path, { migrate: false })
    await expect(empty.open(runtime, AbortSignal.timeout(10_000))).rejects.toThrow(/waybill store migrate/)
  })
})
