// What the store says, and keeps, when its server dies, is cut off, or ends a transaction by itself.
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/mysql2'
import { Kysely, MysqlDialect, sql as kyselySql } from 'kysely'
import { createPool as createCallbackPool } from 'mysql2'
import { createConnection, createPool, type Connection, type Pool, type PoolConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { Store } from '../../store/store.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { MariadbServer } from '../../testing/servers/mariadb-server.ts'
import { channel, message } from '../../transport/fixtures.test-support.ts'
import { drizzleStore } from '../builders/drizzle-store.ts'
import { kyselyStore } from '../builders/kysely-store.ts'
import { mysqlStore } from './mysql-store.ts'

const missing = MariadbServer.findProgram() === undefined ? 'MariaDB is not installed' : undefined
const row = (id: string, body = 3): { message: ReturnType<typeof message>; to: ReturnType<typeof channel> } => ({
  message: message(id, { body: new Uint8Array(body) }),
  to: channel('events', 'orders'),
})

interface Adapted {
  readonly store: Store<unknown>
  readonly write: (tx: unknown, text: string) => Promise<unknown>
  readonly end: () => Promise<unknown>
}

const ADAPTERS: Record<string, (url: string) => Adapted> = {
  mysqlStore: (uri) => {
    const pool = createPool({ uri, connectionLimit: 5 })
    return { store: mysqlStore(pool), write: (tx, text) => (tx as PoolConnection).query(text), end: () => pool.end() }
  },
  drizzleStore: (uri) => {
    const pool = createPool({ uri, connectionLimit: 5 })
    const store = drizzleStore({ db: drizzle(pool), sql, dialect: 'mysql' })
    return {
      store,
      write: (tx, text) => (tx as ReturnType<typeof drizzle>).execute(sql.raw(text)),
      end: () => pool.end(),
    }
  },
  kyselyStore: (uri) => {
    const db = new Kysely({ dialect: new MysqlDialect({ pool: createCallbackPool({ uri, connectionLimit: 5 }) }) })
    const store = kyselyStore({ db, dialect: 'mysql' })
    return { store, write: (tx, text) => kyselySql.raw(text).execute(tx as typeof db), end: () => db.destroy() }
  },
}

describeNeeding(missing)('stores on a MariaDB that fails', () => {
  let server: MariadbServer
  let proxy: FaultProxy
  let direct: Connection
  const through = (port: number): string => `mysql://root@127.0.0.1:${port}/shop`
  const committed = async (key: string): Promise<void> => {
    const look = `SELECT COUNT(*) AS n FROM shop.waybill_inbox WHERE id = '${key}'`
    for (let n = 0; n === 0;) [[{ n }]] = (await direct.query(look)) as unknown as [[{ n: number }]]
  }
  const open = (store: Store<unknown>): Promise<void> => store.open(systemRuntime(), AbortSignal.timeout(30_000))

  beforeAll(async () => {
    server = await MariadbServer.start()
    proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    direct = await createConnection({ uri: server.url })
    await direct.query('CREATE DATABASE shop')
    await direct.query('CREATE TABLE shop.account (id INT PRIMARY KEY, amount INT NOT NULL) ENGINE = InnoDB')
  }, 120_000)
  afterAll(async () => {
    direct.destroy()
    await proxy.close()
    await server.stop()
  }, 60_000)

  describe.each(Object.entries(ADAPTERS))('%s', (_name, adapt) => {
    let store: Store<unknown>
    let adapted: Adapted
    beforeEach(async () => {
      adapted = adapt(through(proxy.port))
      store = adapted.store
      await open(store)
      await direct.query('DELETE FROM shop.waybill_inbox')
      await direct.query('DELETE FROM shop.account')
      await direct.query('INSERT INTO shop.account VALUES (1, 100), (2, 100)')
    })
    afterEach(async () => {
      await store.close()
      await adapted.end()
    })
    const receive = (key: string): Promise<readonly string[]> =>
      store.transaction(async (tx) => [...(await store.within(tx).receive('g', [key]))])

    test('a transaction that a deadlock has ended is not taken for committed, although the error was hidden', async () => {
      const hasFirst = Promise.withResolvers<void>()
      const hasSecond = Promise.withResolvers<void>()
      const take = async (tx: unknown, id: number): Promise<void> =>
        void (await adapted.write(tx, `UPDATE account SET amount = amount - 1 WHERE id = ${id}`))
      // The one that has changed more is not the victim.
      const many = Array.from({ length: 50 }, (_, n) => `(${n + 10}, 0)`).join(', ')
      const survivor = store.transaction(async (tx) => {
        await adapted.write(tx, `INSERT INTO account VALUES ${many}`)
        await take(tx, 1)
        hasFirst.resolve()
        await hasSecond.promise
        await take(tx, 2)
      })
      let hidden: unknown
      const victim = store.transaction(async (tx) => {
        await hasFirst.promise
        await store.within(tx).receive('g', ['m1'])
        await adapted.write(tx, 'SELECT amount FROM account WHERE id = 2 FOR UPDATE')
        hasSecond.resolve()
        await take(tx, 1).catch((error: unknown) => (hidden = error))
      })
      await expect(victim).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
      await survivor
      expect(String(hidden)).toMatch(/deadlock|Failed query/i)
      expect(await receive('m1')).toEqual([])
    })

    test('a transaction that the user has committed himself is told of', async () => {
      const failed = store.transaction(async (tx) => {
        await store.within(tx).receive('g', ['m2'])
        await adapted.write(tx, 'COMMIT')
      })
      await expect(failed).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
    })

    test(
      'a server that is killed in a transaction takes it along; the same pool goes on',
      { timeout: 90_000 },
      async () => {
        expect(await receive('before')).toEqual([])
        const failed = await store
          .transaction(async (tx) => {
            await store.within(tx).receive('g', ['m3'])
            await server.kill()
            await store.within(tx).enqueue([row('never')])
          })
          .catch((error: unknown) => error)
        expect(failed).toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
        await expect(store.outbox.inspect()).rejects.toSatisfy((error) =>
          isWaybillError(error, 'WAYBILL_DATABASE_FAILED'),
        )
        await server.restart()
        direct.destroy()
        direct = await createConnection({ uri: server.url })
        expect(await receive('m3')).toEqual([])
        expect(await receive('before')).toEqual(['before'])
        expect(await store.outbox.inspect()).toMatchObject({ waiting: 0 })
      },
    )
  })

  describe('mysqlStore()', () => {
    let pool: Pool
    let store: Store<PoolConnection>
    beforeEach(async () => {
      pool = createPool({ uri: through(proxy.port), connectionLimit: 5 })
      store = mysqlStore(pool)
      await store.open(systemRuntime(), AbortSignal.timeout(30_000))
    })
    afterEach(async () => {
      await proxy.restore()
      await store.close()
      await pool.end()
    })

    test('a commit that nobody answers is unknown, and asked again it is known', async () => {
      const failed = await store
        .transaction(async (tx) => {
          await store.within(tx).receive('g', ['m4'])
          const query = tx.query.bind(tx) as (given: { readonly sql: string }) => Promise<unknown>
          // The answer to COMMIT is lost on the way.
          tx.query = ((given: { readonly sql: string }) => {
            if (given.sql !== 'COMMIT') return query(given)
            proxy.stall('to-client')
            const answer = query(given)
            void committed('m4').then(() => proxy.cut())
            return answer
          }) as unknown as typeof tx.query
        })
        .catch((error: unknown) => error)
      expect(failed).toSatisfy((error) => isWaybillError(error, 'WAYBILL_COMMIT_UNKNOWN'))
      await proxy.restore()
      expect(await store.transaction(async (tx) => [...(await store.within(tx).receive('g', ['m4']))])).toEqual(['m4'])
    })

    test('a message beyond what the server takes is refused by name, and nothing else with it', async () => {
      await direct.query('SET GLOBAL max_allowed_packet = 1048576')
      const strict = createPool({ uri: through(server.port), connectionLimit: 2 })
      const small = mysqlStore(strict)
      await small.open(systemRuntime(), AbortSignal.timeout(30_000))
      await small.transaction((tx) =>
        small.within(tx).enqueue(Array.from({ length: 10 }, (_, n) => row(`m${n}`, 200_000))),
      )
      const large = small.transaction((tx) => small.within(tx).enqueue([row('large', 600_000)]))
      await expect(large).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_TOO_LARGE'))
      expect((await small.outbox.inspect()).waiting).toBe(10)
      await small.close()
      await strict.end()
      await direct.query('SET GLOBAL max_allowed_packet = 16777216')
    })

    test('texts come through whatever the session says of quotes and letters', async () => {
      const odd = createPool({ uri: through(server.port), connectionLimit: 1, charset: 'latin1' })
      const first = await odd.getConnection()
      await first.query("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,SIMULTANEOUS_ASSIGNMENT'")
      first.release()
      const oddStore = mysqlStore(odd)
      await oddStore.open(systemRuntime(), AbortSignal.timeout(30_000))
      await direct.query('DELETE FROM shop.waybill_outbox')
      const text = `\u{1F600}ü\\' OR 1=1; -- "`
      const keys = await oddStore.transaction(async (tx) => {
        const session = oddStore.within(tx)
        await session.enqueue([
          { message: message('m', { headers: { text }, key: text }), to: channel('events', text) },
        ])
        await session.receive(text, [text])
        return [
          ...(await session.receive(text, [text])),
          await session.observeSequence(text, 5),
          await session.observeSequence(text, 6),
        ]
      })
      expect(keys.slice(1)).toEqual([undefined, 5])
      const [read] = await oddStore.outbox.fetch(
        Array.from({ length: 32 }, (_, n) => n),
        0n,
        10,
      )
      expect(read).toMatchObject({ message: { headers: { text }, key: text }, to: { name: text } })
      await oddStore.close()
      await odd.end()
    })

    test('a table without transactions is refused', async () => {
      await direct.query('ALTER TABLE shop.waybill_sequence ENGINE = MyISAM')
      const again = mysqlStore(pool)
      const refused = again.open(systemRuntime(), AbortSignal.timeout(10_000))
      await expect(refused).rejects.toThrow(/waybill_sequence has the engine MyISAM/)
      await direct.query('ALTER TABLE shop.waybill_sequence ENGINE = InnoDB')
    })

    test('says what is wrong with a pool', async () => {
      const callbacks = createCallbackPool({ uri: through(server.port) })
      expect(() => mysqlStore(callbacks as never)).toThrow(/with promises/)
      callbacks.end()
      expect(() => mysqlStore({} as never)).toThrow(/takes a pool of mysql2\/promise/)
      const nowhere = createPool({ uri: server.url, connectionLimit: 1 })
      await expect(open(mysqlStore(nowhere) as Store<unknown>)).rejects.toThrow(/names no database/)
      await nowhere.end()
    })
  })
})
