import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { command, contract, event, type } from '../../contract/contract.ts'
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { service } from '../../bus/service/service.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { postgres } from './postgres.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined
const orders = contract('orders', { placed: event(type<{ n: number }>()), pack: command(type<{ n: number }>()) })

describeNeeding(missing)('bus.in(client) where the queue is in the same database', () => {
  let server: PostgresServer
  let pool: pg.Pool

  beforeAll(async () => {
    server = await PostgresServer.start()
    pool = new pg.Pool({ connectionString: server.url })
    await pool.query('CREATE TABLE orders (n integer)')
  }, 60_000)
  afterAll(async () => {
    await pool?.end()
    await server?.stop()
  })

  /** Sends within a transaction, and ends it. */
  async function inTransaction(end: 'COMMIT' | 'ROLLBACK', work: (client: pg.PoolClient) => Promise<unknown>) {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await work(client)
      await client.query(end)
    } finally {
      client.release()
    }
  }

  test('what is sent comes with the commit, in order, at once, and never without', { timeout: 60_000 }, async () => {
    const seen: number[] = []
    const shipping = service('shipping').on(orders.placed, ({ n }) => void seen.push(n), { concurrency: 1 })
    // Polling alone would take half a minute: who waits is told by the commit.
    const transport = postgres({ url: server.url, pollInterval: '30s' })
    await using bus = await createBus({ transport, services: [shipping], logger: silentLogger })

    await inTransaction('ROLLBACK', async (client) => {
      await client.query('INSERT INTO orders VALUES (0)')
      await bus.in(client).publish(orders.placed, { n: 0 })
    })
    await inTransaction('COMMIT', async (client) => {
      for (const n of [1, 2, 3]) {
        await client.query('INSERT INTO orders VALUES ($1)', [n])
        await bus.in(client).publish(orders.placed, { n })
      }
      expect(seen).toEqual([])
    })
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3]), 10_000)
    expect((await pool.query('SELECT n FROM orders ORDER BY n')).rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  test('what nobody can receive is refused, and the transaction goes on', { timeout: 60_000 }, async () => {
    await using bus = await createBus({ transport: postgres({ url: server.url }), logger: silentLogger })
    await inTransaction('COMMIT', async (client) => {
      await expect(bus.in(client).send(orders.pack, { n: 1 })).rejects.toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
      await client.query('INSERT INTO orders VALUES (7)')
    })
    expect((await pool.query('SELECT n FROM orders WHERE n = 7')).rows).toHaveLength(1)
  })

  test('a statement of the user that fails takes what was sent with it', { timeout: 60_000 }, async () => {
    const seen: number[] = []
    const billing = service('billing').on(orders.placed, ({ n }) => void seen.push(n))
    await using bus = await createBus({ transport: postgres({ url: server.url }), services: [billing], logger: silentLogger }) // prettier-ignore
    const client = await pool.connect()
    await client.query('BEGIN')
    await bus.in(client).publish(orders.placed, { n: 8 })
    await expect(client.query('INSERT INTO nowhere VALUES (1)')).rejects.toThrow('nowhere')
    await expect(bus.in(client).publish(orders.placed, { n: 9 })).rejects.toMatchObject({ code: 'WAYBILL_REFUSED' })
    await client.query('COMMIT')
    client.release()
    await bus.publish(orders.placed, { n: 10 })
    await vi.waitFor(() => expect(seen).toEqual([10]), 10_000)
  })

  test('what is no client says so', async () => {
    await using bus = await createBus({ transport: postgres({ url: server.url }), logger: silentLogger })
    // @ts-expect-error a client of pg has query()
    await expect(bus.in({}).publish(orders.placed, { n: 1 })).rejects.toThrow(TypeError)
    // @ts-expect-error and is an object
    expect(() => bus.in('BEGIN')).toThrow(TypeError)
  })
})
