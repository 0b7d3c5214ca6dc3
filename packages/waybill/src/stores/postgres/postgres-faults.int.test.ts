// What the store says, and keeps, when its server dies, is cut off, or ends a connection: directly, and through query builders.
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { OUTBOX_LANES, type Store } from '../../store/store.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { channel, message } from '../../transport/fixtures.test-support.ts'
import { drizzleStore } from '../builders/drizzle-store.ts'
import { kyselyStore } from '../builders/kysely-store.ts'
import { postgresStore } from './postgres-store.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined
const ALL = Array.from({ length: OUTBOX_LANES }, (_, lane) => lane)
const row = (id: string): { message: ReturnType<typeof message>; to: ReturnType<typeof channel> } => ({
  message: message(id),
  to: channel('events', 'orders'),
})

const ADAPTERS: Record<string, (pool: Pool) => Store<unknown>> = {
  postgresStore: (pool) => postgresStore(pool),
  drizzleStore: (pool) => drizzleStore({ db: drizzle(pool), sql, dialect: 'postgres' }),
  kyselyStore: (pool) =>
    kyselyStore({ db: new Kysely({ dialect: new PostgresDialect({ pool }) }), dialect: 'postgres' }),
}

describeNeeding(missing)('stores on a PostgreSQL that fails', () => {
  let server: PostgresServer
  let proxy: FaultProxy
  let direct: Client
  const pools: Pool[] = []

  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: server.url })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  /** As docs/stores.md has it: a client's error is that of what is asked of it. */
  const poolThrough = (port: number): Pool => {
    const pool = new Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, max: 5 })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => void client.on('error', () => undefined))
    pools.push(pool)
    return pool
  }
  const opened = async (store: Store<unknown>): Promise<Store<unknown>> => {
    await store.open(systemRuntime(), AbortSignal.timeout(30_000))
    return store
  }

  beforeAll(async () => {
    server = await PostgresServer.start()
    proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    direct = await connect()
    // The server is in COMMIT for as long as the row says.
    await direct.query(`CREATE TABLE slow (seconds float);
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(NEW.seconds); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle();
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`)
  }, 120_000)
  afterAll(async () => {
    await direct.end()
    await proxy.close()
    await server.stop()
  }, 60_000)
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())))

  describe.each(Object.entries(ADAPTERS))('%s', (name, adapt) => {
    let store: Store<unknown>
    let pool: Pool
    beforeEach(async () => {
      pool = poolThrough(proxy.port)
      store = await opened(adapt(pool))
      await direct.query('TRUNCATE waybill_store.waybill_inbox, waybill_store.waybill_outbox')
    })
    afterEach(() => store.close())
    const write = async (tx: unknown, text: string): Promise<void> => {
      if (name === 'postgresStore') await (tx as Client).query(text)
      else if (name === 'drizzleStore') await (tx as ReturnType<typeof drizzle>).execute(sql.raw(text))
      else await (tx as Kysely<unknown>).executeQuery({ sql: text, parameters: [], query: { kind: 'RawNode', sqlFragments: [text], parameters: [] }, queryId: { queryId: 'test' } }) // prettier-ignore
    }
    const receive = (key: string): Promise<readonly string[]> =>
      store.transaction(async (tx) => [...(await store.within(tx).receive('g', [key]))])

    test('a commit that nobody answers is unknown, and asked again it is known', async () => {
      const outcome = store
        .transaction(async (tx) => {
          await store.within(tx).receive('g', ['m1'])
          await store.within(tx).enqueue([row('out')])
          await write(tx, 'INSERT INTO slow VALUES (1)')
        })
        .catch((error: unknown) => error)
      const sleeping = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'`
      await expect
        .poll(async () => (await direct.query<{ n: number }>(sleeping)).rows[0]?.n, { timeout: 10_000 })
        .toBe(1)
      proxy.cut()
      expect(await outcome).toSatisfy((error) => isWaybillError(error, 'WAYBILL_COMMIT_UNKNOWN'))
      expect(await outcome).toHaveProperty('cause')
      await expect.poll(() => receive('m1'), { timeout: 10_000 }).toEqual(['m1'])
      expect((await store.outbox.fetch(ALL, 0n, 10)).map((each) => each.message.id)).toEqual(['out'])
    })

    test('a commit that the server refuses has failed for certain', async () => {
      const failed = await store
        .transaction(async (tx) => {
          await store.within(tx).receive('g', ['m2'])
          await write(tx, 'INSERT INTO child VALUES (1)')
        })
        .catch((error: unknown) => error)
      expect(failed).toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
      expect(String(failed)).toContain('foreign key')
      expect(await receive('m2')).toEqual([])
    })

    test(
      'a server that is killed in a transaction takes it along; the same pool goes on',
      { timeout: 90_000 },
      async () => {
        expect(await receive('before')).toEqual([])
        const failed = await store
          .transaction(async (tx) => {
            await store.within(tx).receive('g', ['m3'])
            await store.within(tx).enqueue([row('never')])
            await server.kill()
            // Its process for this connection finds out when it has nothing to do.
            for (let isThere = true; isThere; ) isThere = await write(tx, 'SELECT 1').then(() => true, () => false) // prettier-ignore
            await store.within(tx).enqueue([row('never either')])
          })
          .catch((error: unknown) => error)
        expect(failed).toSatisfy((error) => isWaybillError(error, 'WAYBILL_DATABASE_FAILED'))
        await expect(store.outbox.inspect()).rejects.toSatisfy((error) =>
          isWaybillError(error, 'WAYBILL_DATABASE_FAILED'),
        )
        await direct.end()
        await server.restart()
        direct = await connect()
        expect(await receive('m3')).toEqual([])
        expect(await receive('before')).toEqual(['before'])
        expect(await store.outbox.inspect()).toMatchObject({ waiting: 0 })
      },
    )
  })

  describe('onCommit', () => {
    let store: Store<unknown>
    let other: Store<unknown>
    let heard = 0
    let unlisten: (() => Promise<void>) | undefined
    beforeEach(async () => {
      store = await opened(postgresStore(poolThrough(server.port)))
      other = await opened(postgresStore(poolThrough(server.port)))
      heard = 0
      unlisten = await other.outbox.onCommit?.(() => void heard++)
    })
    afterEach(async () => {
      await unlisten?.()
      await store.close()
      await other.close()
    })

    test('tells another process of a commit, not of a rollback, and once for many', async () => {
      const rolledBack = store.transaction(async (tx) => {
        await store.within(tx).enqueue([row('no')])
        throw new Error('no')
      })
      await expect(rolledBack).rejects.toThrow('no')
      await store.transaction((tx) => store.within(tx).receive('g', ['k']))
      await Promise.all([1, 2, 3].map((n) => store.transaction((tx) => store.within(tx).enqueue([row(`m${n}`)]))))
      await expect.poll(() => heard).toBeGreaterThan(0)
      expect(heard).toBeLessThanOrEqual(3)
    })

    test('tells of a transaction that the user has begun, soon after it has ended', async () => {
      const client = await connect()
      await client.query('BEGIN')
      await store.within(client).enqueue([row('own')])
      await client.query('COMMIT')
      await client.end()
      await expect.poll(() => heard).toBeGreaterThan(0)
    })

    test('is told through a query builder that was given the pool, too', async () => {
      const pool = poolThrough(server.port)
      const built = await opened(drizzleStore({ db: drizzle(pool), sql, dialect: 'postgres' }, { pool }))
      let told = 0
      const stop = await built.outbox.onCommit?.(() => void told++)
      await built.transaction((tx) => built.within(tx).enqueue([row('m1')]))
      await expect.poll(() => [heard > 0, told > 0]).toEqual([true, true])
      await stop?.()
      await built.close()
    })

    test('listens again on another connection when its own is ended, and tells that something may have been missed', async () => {
      const ended = await direct.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND pid <> pg_backend_pid()`,
      )
      expect(ended.rowCount).toBe(1)
      await expect.poll(() => heard, { timeout: 10_000 }).toBe(1)
      await store.transaction((tx) => store.within(tx).enqueue([row('after')]))
      await expect.poll(() => heard, { timeout: 10_000 }).toBeGreaterThan(1)
    })

    test('keeps no client when nobody listens any more', async () => {
      await unlisten?.()
      const listening = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'LISTEN %'`
      await expect.poll(async () => (await direct.query<{ n: number }>(listening)).rows[0]?.n).toBe(0)
    })
  })

  test('on REPEATABLE READ, of two that handle one message at a time the second is refused, not let through', async () => {
    const store = await opened(postgresStore(poolThrough(server.port), { isolation: 'repeatable read' }))
    const gate = Promise.withResolvers<void>()
    const both = Promise.withResolvers<void>()
    let begun = 0
    const handle = (): Promise<unknown> =>
      store
        .transaction(async (tx) => {
          // The snapshot is taken by the first statement.
          await (tx as Client).query('SELECT 1 FROM parent')
          if (++begun === 2) both.resolve()
          await gate.promise
          return [...(await store.within(tx).receive('rr', ['k']))]
        })
        .catch((error: unknown) => isWaybillError(error) && error.code)
    const outcomes = [handle(), handle()]
    await both.promise
    gate.resolve()
    expect((await Promise.all(outcomes)).map((each) => JSON.stringify(each)).sort()).toEqual([
      '"WAYBILL_DATABASE_FAILED"',
      '[]',
    ])
    await store.close()
  })

  test('open() ends when nobody wants to wait any more, and begins anew later', async () => {
    const store = postgresStore(poolThrough(proxy.port))
    proxy.stall()
    const aborted = new AbortController()
    const opening = store.open(systemRuntime(), aborted.signal)
    aborted.abort(new Error('enough'))
    await expect(opening).rejects.toThrow('enough')
    await proxy.restore()
    await opened(store)
    expect(await store.outbox.countOwners()).toBe(0)
    await store.close()
  })

  test('says what is wrong with a pool, a schema, an isolation', () => {
    const pool = poolThrough(server.port)
    expect(() => postgresStore(direct as unknown as Pool)).toThrow(/takes a Pool of the package pg/)
    expect(() => postgresStore(pool, { schema: 'a-b' })).toThrow(/lower-case letters/)
    expect(() => postgresStore(pool, { isolation: 'chaos' as 'serializable' })).toThrow(/is none of/)
    expect(() => postgresStore(pool, { inboxRetention: 5 })).toThrow(/inboxRetention/)
    expect(() => kyselyStore({ db: pool as never, dialect: 'postgres' })).toThrow(/an instance of Kysely/)
    expect(() => drizzleStore({ db: drizzle(pool), sql, dialect: 'mysql' }, { schema: 'a' })).toThrow(
      /PostgreSQL alone/,
    )
  })
})
