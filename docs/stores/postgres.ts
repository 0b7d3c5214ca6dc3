import { Pool } from 'pg'
import { service } from 'waybill'
import { postgresStore } from 'waybill/stores'
import { invoices, orders } from './shop.ts'

export function billing(url: string) {
  const pool = new Pool({ connectionString: url, max: 20 })
  // What becomes of an idle connection is an event of the pool; Node ends a process where nobody listens.
  pool.on('error', (error) => console.warn(error.message))
  const store = postgresStore(pool)
  const bills = service('billing', { store }).on(orders.placed, async ({ order, total }, ctx) => {
    await ctx.tx.query('insert into invoice values ($1, $2)', [order, total])
    await ctx.publish(invoices.sent, { order })
  })
  return { service: bills, close: () => pool.end() }
}
