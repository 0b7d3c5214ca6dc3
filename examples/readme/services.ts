import { command, contract, event, query, service } from 'waybill'
import { z } from 'zod'

const order = z.object({ id: z.string(), sku: z.string(), amount: z.number().int() })

// Contracts are values that both sides import. Kinds are types: publishing a command does not compile.
export const orders = contract(
  'orders',
  { shards: 4 },
  { place: command(order), placed: event(order, { key: ({ id }) => id }) },
)
export const stock = contract('stock', {
  available: query(z.object({ sku: z.string() }), z.object({ pieces: z.number() })),
})

// Services know messages, not each other. A handler that returns acknowledges; one that throws is tried again.
export const shop = service('shop').on(orders.place, async (placed, ctx) => {
  const { pieces } = await ctx.request(stock.available, { sku: placed.sku })
  if (pieces === 0) ctx.deadLetter(`${placed.sku} is sold out`)
  await ctx.publish(orders.placed, placed)
})
export const warehouse = service('warehouse')
  .answer(stock.available, ({ sku }) => ({ pieces: sku === 'unicorn' ? 0 : 12 }))
  .on(orders.placed, ({ id, sku }) => console.log(`packing ${sku} for ${id}`), { ordered: true })
