// Turns the sales of an old till, bare JSON in a queue of its own, into orders: node till.ts
import { contentId, contract, createBus, document, foreign, rabbitmq, service } from 'waybill'
import { z } from 'zod'
import { shop } from './contract.ts'

const tills = contract('tills', {
  sold: document(z.object({ receipt: z.string(), sku: z.string(), price: z.number() })),
})
// The queue is the till's own: Waybill takes it as it is, and declares nothing. A receipt is printed once, so what a sale
// says is id enough: a sale that is delivered again is known as the same.
const sold = foreign(tills.sold, { channel: 'till.sales', identify: (raw) => ({ id: contentId(raw) }) })

const till = service('till').on(sold, async ({ receipt, sku, price }, ctx) => {
  await ctx.send(shop.place, { id: receipt, sku, cents: Math.round(price * 100) })
})

const url = process.env['WAYBILL_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'
await createBus({ transport: rabbitmq({ url }), services: [till] })
console.log('till: connected')
