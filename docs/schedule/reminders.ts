import type { DatabaseSync } from 'node:sqlite'
import { command, contract, event, service, type } from 'waybill'
import type { Store } from 'waybill/stores'

export const orders = contract('orders', {
  placed: event(type<{ order: string }>()),
  paid: event(type<{ order: string }>()),
  remind: command(type<{ order: string }>()),
})

/** Reminds who has not paid after two weeks. */
export function reminders(store: Store<DatabaseSync>, remind: (order: string) => void) {
  return service('reminders', { store })
    .on(orders.placed, async ({ order }, ctx) => {
      await ctx.schedule(orders.remind, { order }, { id: `remind-${order}`, in: '14d' })
    })
    .on(orders.paid, async ({ order }, ctx) => {
      await ctx.cancelScheduled(`remind-${order}`)
    })
    .on(orders.remind, ({ order }) => remind(order))
}
