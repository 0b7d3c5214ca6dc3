import { contract, event } from 'waybill'
import { z } from 'zod'
import { order } from './orders.ts'

export const inventory = contract('inventory', {
  reserved: event(order, { key: (reserved) => reserved.id }),
  soldOut: event(z.object({ id: z.string(), sku: z.string() }), { key: (soldOut) => soldOut.id }),
})
