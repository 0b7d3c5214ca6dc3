import pg from 'pg'
import { createBus, postgres, service, silentLogger } from 'waybill'
import { expect, test, vi } from 'vitest'
import { describeNeeding } from '../../packages/waybill/src/testing/needing.test-support.ts'
import { PostgresServer } from '../../packages/waybill/src/testing/servers/postgres-server.ts'
import { checkout, payments } from './checkout.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

describeNeeding(missing)('an order and its charge', () => {
  test('are there together, or not at all', { timeout: 60_000 }, async () => {
    await using server = await PostgresServer.start()
    const pool = new pg.Pool({ connectionString: server.url })
    await pool.query('CREATE TABLE orders (id text PRIMARY KEY)')
    const charged: string[] = []
    const till = service('till').on(payments.charge, ({ order }) => void charged.push(order))
    const transport = postgres({ url: server.url })
    {
      await using bus = await createBus({ transport, services: [till], logger: silentLogger })
      await checkout(bus, pool, 'order-1')
      await expect(checkout(bus, pool, 'order-1')).rejects.toThrow('duplicate key')
      await checkout(bus, pool, 'order-2')
      await vi.waitFor(() => expect(charged.toSorted()).toEqual(['order-1', 'order-2']), 10_000)
    }
    await pool.end()
  })
})
