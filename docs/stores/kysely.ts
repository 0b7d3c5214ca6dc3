import { Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2'
import { service } from 'waybill'
import { kyselyStore } from 'waybill/stores'
import { invoices, orders } from './shop.ts'

interface Tables {
  invoice: { id: string; total: number }
}

export function billing(url: string) {
  const pool = createPool({ uri: url, connectionLimit: 20 })
  const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) })
  const store = kyselyStore({ db, dialect: 'mysql' })
  const bills = service('billing', { store }).on(orders.placed, async ({ order, total }, ctx) => {
    await ctx.tx.insertInto('invoice').values({ id: order, total }).execute()
    await ctx.publish(invoices.sent, { order })
  })
  return { service: bills, close: () => db.destroy() }
}
