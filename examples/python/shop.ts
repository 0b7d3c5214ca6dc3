// Takes the orders that produce.py places, and tells the world, consume.py included: node shop.ts
import { createBus, rabbitmq, service } from 'waybill'
import { shop } from './contract.ts'

const counter = service('counter').on(shop.place, async (order, ctx) => {
  console.log(`order ${order.id}: ${order.sku}`)
  await ctx.publish(shop.placed, order)
})

const url = process.env['WAYBILL_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'
await createBus({ transport: rabbitmq({ url }), services: [counter] }) // drains on SIGTERM
console.log('shop: open')
