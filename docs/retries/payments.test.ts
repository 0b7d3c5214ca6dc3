import { expect, test } from 'vitest'
import { testBus } from 'waybill/testing'
import { CardDeclined, payments, RateLimited, till } from './payments.ts'

test('each error has the tries that its schedule gives it', async () => {
  const tries = new Map<string, number>()
  const errors: Readonly<Record<string, Error>> = {
    limited: new RateLimited('slow down'),
    declined: new CardDeclined('no money'),
    broken: new Error('connection reset'),
  }
  const charge = (order: string): Promise<void> => {
    tries.set(order, (tries.get(order) ?? 0) + 1)
    return Promise.reject(errors[order] ?? new Error('?'))
  }
  await using bus = await testBus({ services: [till(charge)], rethrow: false })
  for (const order of Object.keys(errors)) await bus.send(payments.charge, { order, cents: 100 })
  await bus.advance('10m')
  expect(tries).toEqual(
    new Map([
      ['limited', 20],
      ['declined', 1],
      ['broken', 6],
    ]),
  )
  expect(bus.deadLetters()).toHaveLength(3)
})
