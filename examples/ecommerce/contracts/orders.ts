import { command, contract, event } from 'waybill'
import { z } from 'zod'

export const order = z.object({
  id: z.string(),
  customer: z.string(),
  sku: z.string(),
  quantity: z.number().int().positive(),
  /** Cents. */
  amount: z.number().int().positive(),
  card: z.string(),
})
export type Order = z.infer<typeof order>

/** What the shop may ask of the order service, and what that tells everybody. Events of one order keep their order. */
export const orders = contract(
  'orders',
  { shards: 4 },
  {
    place: command(order),
    placed: event(order, { key: (placed) => placed.id }),
    refused: event(z.object({ id: z.string(), reason: z.string() }), { key: (refused) => refused.id }),
  },
)
