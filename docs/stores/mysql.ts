import { createPool } from 'mysql2/promise'
import { service } from 'waybill'
import { mysqlStore } from 'waybill/stores'
import { invoices, orders } from './shop.ts'

export function billing(url: string) {
  const pool = createPool({ uri: url, connectionLimit: 20 })
  const store = mysqlStore(pool)
  const bills = service('billing', { store }).on(orders.placed, async ({ order, total }, ctx) => {
    await ctx.tx.execute('insert into invoice values (?, ?)', [order, total])
    await ctx.publish(invoices.sent, { order })
  })
  return { service: bills, close: () => pool.end() }
}
