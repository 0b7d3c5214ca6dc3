import { expect, test } from 'vitest'
import { testBus } from 'waybill/testing'
import { orders, shop, warehouse } from './services.ts'

test('an order survives a crash, and a sold-out one is put aside', async () => {
  await using bus = await testBus({ services: [shop, warehouse], rethrow: false })
  bus.faults.crashBeforeAck(orders.place) // the process "dies" before it acknowledges
  await bus.send(orders.place, { id: '1', sku: 'book', amount: 1999 })
  await bus.settle() // returns when no work is left: no sleeping, no polling
  expect(bus.tally(orders.place)).toMatchObject({ attempts: 2, processed: 1 })
  expect(await bus.sent(orders.placed)).toHaveLength(2) // at least once

  await bus.send(orders.place, { id: '2', sku: 'unicorn', amount: 1 })
  await bus.advance('1h') // an hour of retries passes at once
  expect(bus.deadLetters()).toMatchObject([{ type: 'orders.place', reason: 'rejected', detail: 'unicorn is sold out' }])
})
