import { command, contract, event } from 'waybill'
import { z } from 'zod'

const order = z.object({ id: z.string(), sku: z.string(), cents: z.number().int().positive() })

/** What both languages agree on. order.py says the same to Python. */
export const shop = contract('shop', {
  place: command(order),
  placed: event(order, { key: ({ id }) => id }),
})
