import { service } from 'waybill'
import { sqliteStore } from 'waybill/stores'
import { invoices, orders } from './shop.ts'

export function billing(path: string) {
  const store = sqliteStore(path)
  return service('billing', { store }).on(orders.placed, async ({ order, total }, ctx) => {
    ctx.tx.prepare('insert into invoice values (?, ?)').run(order, total)
    await ctx.publish(invoices.sent, { order })
  })
}
