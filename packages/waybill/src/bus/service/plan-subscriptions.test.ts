import { expect, test } from 'vitest'
import { z } from 'zod'
import { command, contract, event, query } from '../../contract/contract.ts'
import { planSubscriptions } from './plan-subscriptions.ts'
import { service } from './service.ts'

const body = z.object({ id: z.string() })
const orders = contract(
  'orders',
  { shards: 4 },
  {
    place: command(body),
    placed: event(body, { key: ({ id }) => id }),
    cancelled: event(body, { key: ({ id }) => id }),
    quote: query(body, body),
  },
)
const plain = contract('plain', { happened: event(body) })
const nothing = (): void => {}

test('planSubscriptions() puts the events of one contract into one subscription per group', () => {
  const plans = planSubscriptions([
    service('shipping')
      .on(orders.placed, nothing, { concurrency: 4 })
      .on(orders.cancelled, nothing, { concurrency: 8 })
      .on(orders.placed, nothing, { group: 'audit' }),
  ])
  expect(plans.map(({ group, concurrency }) => [group.name, group.types, concurrency])).toEqual([
    ['shipping', ['orders.placed', 'orders.cancelled'], 8],
    ['audit', ['orders.placed'], 16],
  ])
})

test('planSubscriptions() refuses two services that claim one command', () => {
  expect(() =>
    planSubscriptions([service('a').on(orders.place, nothing), service('b').on(orders.place, nothing)]),
  ).toThrow(
    expect.objectContaining({
      code: 'WAYBILL_COMMAND_CLAIMED',
      message: expect.stringContaining('a and b both claim orders.place') as string,
    }),
  )
})

test('planSubscriptions() refuses order without shards', () => {
  expect(() => planSubscriptions([service('a').on(plain.happened, nothing, { ordered: true })])).toThrow(
    expect.objectContaining({ code: 'WAYBILL_ORDER_NEEDS_SHARDS' }),
  )
})

test('planSubscriptions() refuses two services of one name', () => {
  expect(() => planSubscriptions([service('a'), service('a')])).toThrow(TypeError)
})

test('service() refuses a second handler of one message in one group', () => {
  expect(() => service('a').on(plain.happened, nothing).on(plain.happened, nothing)).toThrow(
    'a handles plain.happened twice in one group',
  )
})

test('service() is a value: adding a handler leaves the first one as it was', () => {
  const first = service('a')
  first.on(plain.happened, nothing)
  expect(first.registrations).toEqual([])
})
