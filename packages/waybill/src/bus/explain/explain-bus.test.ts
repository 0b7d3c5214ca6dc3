// What the start-up refuses and warns of, and what bus.explain() says.
import { expect, test } from 'vitest'
import { command, contract, event, query, type } from '../../contract/contract.ts'
import { WaybillError } from '../../message/errors.ts'
import type { RouteFacts } from '../../transport/engine-facts.ts'
import type { Group, Transport } from '../../transport/transport.ts'
import type { Bus } from '../bus.ts'
import type { BusOptions } from '../settings/bus-options.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { stubTransport } from '../stub-transport.test-support.ts'

const shop = contract('shop', {
  paid: event(type<number>()),
  sent: event(type<number>()),
  pay: command(type<number>()),
  price: query(type<number>(), type<number>()),
})
const nothing = (): void => {}
const known = (value: number) => ({ value, source: 'read' }) as const
const FACTS: RouteFacts = {
  durability: { accepted: 'synced', lossWindowMs: known(0), copies: known(1), source: 'read' },
  limits: {
    deliveryLimit: known(Infinity),
    settleWithinMs: known(60_000),
    retentionMs: known(Infinity),
    retentionBytes: known(Infinity),
  },
}
const till = service('till').on(shop.paid, nothing).on(shop.pay, nothing)

function stubbed(own: Partial<Transport> = {}) {
  const asked: Group[] = []
  const warnings: string[] = []
  const stub = stubTransport({
    routeFacts: (group) => {
      asked.push(group)
      return Promise.resolve(FACTS)
    },
    ...own,
  })
  const start = (options: BusOptions): Promise<Bus> => {
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) }
    return createBus({ transport: () => stub.transport, logger, drainOn: [], ...options })
  }
  return { stub, asked, warnings, start }
}

test('createBus() refuses what the engine cannot keep, before anything is subscribed, and closes', async () => {
  const { stub, warnings, start } = stubbed()
  const slow = service('slow').on(shop.paid, nothing, { timeout: '2m' }).on(shop.sent, nothing, { timeout: '3m' })
  const error: unknown = await start({ services: [till, slow] }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'WAYBILL_LIMIT',
    cure: "Lower the handler's `timeout`, or raise the engine's limit.",
    message: expect.stringContaining(
      'slow on shop.paid may take 2 min; stub takes back what is not settled within 1 min (read) (and 1 more: `waybill explain` shows all)',
    ) as string,
  })
  expect([stub.subscriptions, stub.calls, warnings]).toEqual([[], ['close'], []])
})

test('createBus() says of a single refusal what it is about, and no more', async () => {
  const slow = service('slow').on(shop.paid, nothing, { timeout: '2m' })
  await expect(stubbed().start({ services: [slow] })).rejects.toThrow(/within 1 min \(read\)\n/)
})

test('createBus() logs each warning once, and starts', async () => {
  const memory: RouteFacts = { ...FACTS, durability: { ...FACTS.durability, accepted: 'memory' } }
  const { warnings, start } = stubbed({ routeFacts: () => Promise.resolve(memory) })
  await using bus = await start({ services: [till] })
  expect(bus.subscriptions).toHaveLength(2)
  expect(warnings).toEqual(['stub keeps messages in memory alone; the death of the server loses them'])
})

test('createBus() declares a channel whose settings the engine keeps with it, and asks again', async () => {
  const declared: string[] = []
  const { start } = stubbed({
    declare: ({ channels }) => Promise.resolve(void declared.push(...channels.map(({ name }) => name))),
    routeFacts: ({ channel }) =>
      declared.includes(channel.name)
        ? Promise.resolve(FACTS)
        : Promise.reject(new WaybillError('WAYBILL_NOT_FOUND', `no ${channel.name}`)),
  })
  await using bus = await start({ services: [till] })
  expect(declared).toEqual(['shop', 'shop.pay'])
  const { sends } = await bus.explain([shop.price])
  expect(sends.map(({ message, confirmed }) => [message, confirmed])).toEqual([
    ['shop.paid', 'synced'],
    ['shop.pay', 'synced'],
    ['shop.price', 'unknown'],
  ])
  expect(declared).toEqual(['shop', 'shop.pay'])
})

test('createBus() fails as the transport does when that cannot say what it promises', async () => {
  const { stub, start } = stubbed({ routeFacts: () => Promise.reject(new Error('no answer')) })
  await expect(start({ services: [till] })).rejects.toThrow('no answer')
  expect(stub.calls).toEqual(['close'])
})

test('explain() has a verdict for each handler and each message sent, sorted, whatever the order they were given in', async () => {
  const audit = service('audit')
    .on(shop.sent, nothing)
    .on(shop.paid, nothing, { group: 'books', timeout: '5s', unknown: 'skip' })
    .onReply(shop.price, nothing)
  const one = stubbed()
  await using first = await one.start({ services: [till, audit], declare: [shop.pay], maxDeliveries: 7 })
  await using second = await stubbed().start({ services: [audit, till], declare: [shop.pay], maxDeliveries: 7 })
  one.asked.length = 0
  const { engine, format, routes, sends } = await first.explain()
  expect([engine, format]).toEqual(['stub', 1])
  expect(routes.map(({ statement }) => statement.split(':')[0])).toEqual([
    'shop.paid → audit (group books)',
    'shop.paid → till',
    'shop.pay → till',
    'reply to shop.price → audit',
    'shop.sent → audit',
  ])
  expect(routes[0]).toMatchObject({ timeoutMs: 5_000, poisonAfter: 7, unknown: { types: 'skip', versions: 'skip' } })
  expect(routes[1]).toMatchObject({ unknown: { types: 'dead-letter', versions: 'dead-letter' } })
  expect(sends.map(({ message }) => message)).toEqual(['shop.paid', 'shop.pay', 'shop.price', 'shop.sent'])
  expect(await second.explain()).toEqual({ format, engine, routes, sends })
  const questions = one.asked.map(({ channel, name }) => `${channel.name}:${name}`)
  expect(new Set(questions).size).toBe(questions.length)
})

test('explain() of a bus that only sends is what it was asked about', async () => {
  const { start } = stubbed()
  await using bus = await start({ sendTimeout: '5s', requestTimeout: '3s' })
  expect(await bus.explain()).toEqual({ format: 1, engine: 'stub', routes: [], sends: [] })
  expect((await bus.explain([shop.price])).sends).toMatchObject([{ message: 'shop.price', repliesWithinMs: 3_000 }])
  expect((await bus.explain([shop.paid])).sends).toMatchObject([{ unknownAfterMs: 5_000 }])
})

test('explain() says what the store of the bus adds, and a database that is the engine', async () => {
  await using bus = await stubbed().start({ store: sqliteStore(':memory:') })
  expect((await bus.explain([shop.paid, shop.price])).sends).toMatchObject([
    { message: 'shop.paid', transaction: 'sqlite', scheduled: 'sqlite' },
    { message: 'shop.price', notes: [] },
  ])
  await using database = await stubbed({ sendWithin: () => Promise.resolve([]) }).start({})
  expect((await database.explain([shop.paid])).sends).toMatchObject([{ transaction: 'engine' }])
})
