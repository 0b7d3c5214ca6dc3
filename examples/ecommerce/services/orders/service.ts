import { service, type Service } from 'waybill'
import { inventory } from '../../contracts/inventory.ts'
import { orders } from '../../contracts/orders.ts'
import { payments } from '../../contracts/payments.ts'

/** Takes orders, and closes those that stock or payment refused. */
export const orderService: Service = service('orders')
  .on(orders.place, async (order, ctx) => {
    await ctx.publish(orders.placed, order)
  })
  .on(inventory.soldOut, async ({ id, sku }, ctx) => {
    await ctx.publish(orders.refused, { id, reason: `${sku} is sold out` })
  })
  .on(payments.declined, async ({ id, reason }, ctx) => {
    await ctx.publish(orders.refused, { id, reason })
  })
