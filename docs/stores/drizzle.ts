import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Pool } from 'pg'
import { service } from 'waybill'
import { drizzleStore } from 'waybill/stores'
import { invoices, orders } from './shop.ts'

const invoice = pgTable('invoice', { order: text('id'), total: integer('total') })

export function billing(url: string) {
  const pool = new Pool({ connectionString: url, max: 20 })
  pool.on('error', (error) => console.warn(error.message))
  // Drizzle does not listen on the connections that it has taken from the pool.
  pool.on('connect', (client) => client.on('error', (error) => console.warn(error.message)))
  const store = drizzleStore({ db: drizzle(pool), sql, dialect: 'postgres' }, { pool })
  const bills = service('billing', { store }).on(orders.placed, async ({ order, total }, ctx) => {
    await ctx.tx.insert(invoice).values({ order, total })
    await ctx.publish(invoices.sent, { order })
  })
  return { service: bills, close: () => pool.end() }
}
