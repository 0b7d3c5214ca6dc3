import { expect, test } from 'vitest'
import { testBus } from 'waybill/testing'
import { bank, billing, orders } from './billing.ts'

test('the bank is away for an hour: billing waits, and then all is billed', async () => {
  let isAway = false
  let calls = 0
  const billed = new Set<string>()
  const post = (id: string): Promise<void> => {
    calls++
    if (isAway) return Promise.reject(new Error('connection refused'))
    billed.add(id)
    return Promise.resolve()
  }
  await using bus = await testBus({ services: [billing(post)], rethrow: false })
  isAway = true
  for (let n = 0; n < 200; n++) await bus.publish(orders.shipped, { id: `o${n}`, cents: 100 })
  await bus.advance('1h')
  const { healthy, subscriptions } = await bus.health()
  expect([healthy, subscriptions[0]?.pausedBy, bank.state]).toEqual([true, ['bank'], 'open'])
  expect(calls).toBeLessThan(16 + 130) // a probe every 30 seconds
  isAway = false
  await bus.advance('2m')
  expect([billed.size, bus.deadLetters(), bank.state]).toEqual([200, [], 'closed'])
})
