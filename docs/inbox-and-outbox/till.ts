import type { DatabaseSync } from 'node:sqlite'
import { command, contract, event, service, type } from 'waybill'
import type { Store } from 'waybill/stores'

interface Charge {
  readonly order: string
  readonly cents: number
}
export const payments = contract(
  'payments',
  { shards: 8 },
  {
    charge: command(type<Charge>(), { reply: type<{ receipt: string }>() }),
    charged: event(type<Charge>(), { key: ({ order }) => order }),
  },
)

/** Needs a table `charges (order_id text primary key, cents int)`. */
export function till(store: Store<DatabaseSync>) {
  return service('till', { store }).on(payments.charge, async ({ order, cents }, ctx) => {
    ctx.tx.prepare('insert into charges values (?, ?)').run(order, cents)
    await ctx.publish(payments.charged, { order, cents })
    return { receipt: `${order}: ${cents}` }
  })
}
