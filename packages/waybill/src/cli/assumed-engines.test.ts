import { expect, test } from 'vitest'
import { explainBus } from '../bus/explain/explain-bus.ts'
import { planSubscriptions } from '../bus/service/plan-subscriptions.ts'
import { service } from '../bus/service/service.ts'
import { command, contract, event, query, type } from '../contract/contract.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import { ASSUMED_ENGINES } from './assumed-engines.ts'
import { assumedAnswers } from './engine-answers.ts'

const shop = contract(
  'shop',
  { shards: 2 },
  {
    paid: event(type<{ readonly id: string }>(), { key: ({ id }) => id }),
    pay: command(type<number>()),
    price: query(type<number>(), type<number>()),
  },
)
const nothing = (): void => {}
const till = service('till')
  .on(shop.paid, nothing, { ordered: true })
  .on(shop.pay, nothing)
  .answer(shop.price, () => 1)
const settings = {
  maxDeliveries: 20,
  sendTimeoutMs: 30_000,
  requestTimeoutMs: 10_000,
  deadLetterLifeMs: 1_209_600_000,
  store: undefined,
}

const assume = (name: string): Promise<Verdicts> =>
  explainBus({ plans: planSubscriptions([till]), messages: [], settings }, assumedAnswers(name))

/** Of which a user is warned: Redis as it comes has no append-only file. */
const WARNINGS: Readonly<Record<string, readonly string[]>> = {
  redis: ['redis keeps messages in memory alone; the death of the server loses them'],
}

test.each(ASSUMED_ENGINES)(
  '%s as it comes refuses nothing that a service asks for by default, and nobody has read what it does',
  async (name) => {
    const { routes, sends } = await assume(name)
    const problems = [...routes, ...sends].flatMap((each) => each.problems)
    expect(problems.filter(({ level }) => level === 'refused')).toEqual([])
    expect([...new Set(problems.map(({ what }) => what))]).toEqual(WARNINGS[name] ?? [])
    expect(routes).toHaveLength(3)
    expect(routes[0]).toMatchObject({ message: 'shop.paid', order: { kept: 'per-key' }, fencing: 'token' })
    const sources = JSON.stringify(routes.map(({ loss, copies, retention }) => [loss.source, copies, retention]))
    expect(sources).not.toContain('read')
  },
)

test('--assume takes a version', async () => {
  const largest = async (name: string): Promise<unknown> => (await assume(name)).routes[0]?.limits.messageBytes.value
  expect([await largest('rabbitmq@3.13'), await largest('rabbitmq@4.0')]).toEqual([128 * 2 ** 20, 16 * 2 ** 20])
})

test('an engine too old for delays is refused with its handlers', async () => {
  const { routes } = await assume('rabbitmq@3.9')
  const refused = routes.flatMap(({ problems }) => problems).filter(({ level }) => level === 'refused')
  expect(refused.map(({ code, what }) => [code, what.split(' retries')[0]])).toEqual([
    ['WAYBILL_UNSUPPORTED', 'till on shop.paid'],
    ['WAYBILL_UNSUPPORTED', 'till on shop.pay'],
    ['WAYBILL_UNSUPPORTED', 'till on shop.price'],
  ])
})
