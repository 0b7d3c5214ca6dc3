import { sqliteStore } from 'waybill/stores'
import { testBus } from 'waybill/testing'
import { expect, test } from 'vitest'
import { orders, reminders } from './reminders.ts'

test('who has not paid after two weeks is reminded, once', async () => {
  const store = sqliteStore(':memory:')
  const reminded: string[] = []
  await using bus = await testBus({ services: [reminders(store, (order) => reminded.push(order))], store })
  for (const order of ['1', '2']) await bus.publish(orders.placed, { order })
  await bus.advance('3d')
  await bus.publish(orders.paid, { order: '1' })
  await bus.advance('30d')
  expect(reminded).toEqual(['2'])
})

test('the same is outside of a handler', async () => {
  const store = sqliteStore(':memory:')
  const reminded: string[] = []
  await using bus = await testBus({ services: [reminders(store, (order) => reminded.push(order))], store })
  await bus.schedule(orders.remind, { order: 'all' }, { id: 'weekly', in: '1d', every: '7d' })
  await bus.advance('15d')
  expect(reminded).toEqual(['all', 'all', 'all'])
  expect(await bus.cancelScheduled('weekly')).toBe(true)
})
