import { service, type Service } from 'waybill'
import { inventory } from '../../contracts/inventory.ts'
import { orders } from '../../contracts/orders.ts'

const SOLD_OUT: ReadonlySet<string> = new Set(['unicorn'])

/** Reserves stock for each order placed, one order at a time per key. */
export const inventoryService: Service = service('inventory').on(
  orders.placed,
  async (order, ctx) => {
    if (SOLD_OUT.has(order.sku)) await ctx.publish(inventory.soldOut, { id: order.id, sku: order.sku })
    else await ctx.publish(inventory.reserved, order)
  },
  { ordered: true, concurrency: 8 },
)
