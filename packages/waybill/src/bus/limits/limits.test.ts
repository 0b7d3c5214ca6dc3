// Handlers that share a subscription, and what each may take of it.
import { expect, test } from 'vitest'
import { contract, document, event, type } from '../../contract/contract.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { testBus, type TestBus } from '../../testing/test-bus.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { deliveryOf, stubTransport } from '../stub-transport.test-support.ts'

const orders = contract(
  'orders',
  { shards: 2 },
  {
    placed: event(type<{ n: number; shop: string }>(), { key: ({ shop }) => shop }),
    cancelled: event(type<{ n: number; shop: string }>(), { key: ({ shop }) => shop }),
    bill: document(type<number>()),
  },
)
const never = new Promise<never>(() => {})

async function publish(bus: TestBus, event_: typeof orders.placed, count: number, shop = 'a'): Promise<void> {
  for (let n = 0; n < count; n++) await bus.publish(event_, { n, shop })
}

test('a handler that hangs does not stop the others of its subscription, however many messages wait for it', async () => {
  let [hanging, cancelled] = [0, 0]
  const hang = (): Promise<never> => {
    hanging++
    return never
  }
  const shipping = service('shipping')
    .on(orders.placed, hang, { bulkhead: 3, timeout: '1h' })
    .on(orders.cancelled, () => void cancelled++)
  const bus = await testBus({ services: [shipping] })
  // Far more than the prefetch of 32.
  for (let n = 0; n < 40; n++) {
    await publish(bus, orders.placed, 10)
    await publish(bus, orders.cancelled, 5)
    await bus.runtime.advance(100)
  }
  await bus.runtime.advance(10_000)
  expect([hanging, cancelled]).toEqual([3, 200])
  expect(bus.deadLetters()).toEqual([])
  // Those that make room are few: no message comes more often than every second, then less and less.
  expect(bus.tally(orders.placed).attempts).toBeLessThan(400 * 5)
  void bus.drain('1s')
})

test('without its own share the same handler stops the others', async () => {
  let cancelled = 0
  const shipping = service('shipping')
    .on(orders.placed, () => never, { timeout: '1h' })
    .on(orders.cancelled, () => void cancelled++)
  const bus = await testBus({ services: [shipping] })
  await publish(bus, orders.placed, 40)
  await publish(bus, orders.cancelled, 5)
  await bus.runtime.advance(60_000)
  expect(cancelled).toBe(0)
  void bus.drain('1s')
})

test('a bulkhead keeps the order of keys on an ordered subscription', async () => {
  const seen: string[] = []
  const done: (() => void)[] = []
  const slow = ({ n, shop }: { n: number; shop: string }): Promise<void> =>
    new Promise((resolve) => {
      seen.push(`${shop}${n}`)
      done.push(resolve)
    })
  const shipping = service('shipping')
    .on(orders.placed, slow, { ordered: true, bulkhead: 1, concurrency: 4, timeout: '1h' })
    .on(orders.cancelled, slow, { timeout: '1h' })
  const bus = await testBus({ services: [shipping] })
  for (let n = 0; n < 8; n++)
    for (const shop of ['a', 'b', 'c']) await bus.publish(n % 2 === 0 ? orders.placed : orders.cancelled, { n, shop })
  for (let turn = 0; turn < 400; turn++) {
    done.splice(0).forEach((resolve) => resolve())
    await bus.runtime.advance(500)
  }
  for (const shop of ['a', 'b', 'c'])
    expect(seen.filter((each) => each.startsWith(shop))).toEqual(Array.from({ length: 8 }, (_, n) => `${shop}${n}`))
  await bus.drain()
})

test('a rate lets no more begin, drops nothing, and leaves the slots to others', async () => {
  const began: number[] = []
  let cancelled = 0
  const shipping = service('shipping')
    .on(orders.placed, () => void began.push(bus.runtime.monotonic()), { rate: { limit: 10, per: '1s', burst: 2 } })
    .on(orders.cancelled, () => void cancelled++, { concurrency: 1 })
  const bus = await testBus({ services: [shipping] })
  await publish(bus, orders.placed, 50)
  await publish(bus, orders.cancelled, 50)
  await bus.settle()
  await bus.advance('2s')
  expect(cancelled).toBe(50)
  await bus.advance('2m')
  expect(began).toHaveLength(50)
  began.forEach((at, n) => {
    const windowful = began.slice(n).filter((each) => each < at + 1_000)
    expect(windowful.length).toBeLessThanOrEqual(12)
  })
  expect(bus.tally(orders.placed)).toMatchObject({ processed: 50, retried: 0, deadLettered: 0 })
  await bus.drain()
})

test('a rate for each key holds back no other key', async () => {
  const began = new Map<string, number[]>()
  const shipping = service('shipping').on(
    orders.placed,
    ({ shop }) => void began.set(shop, [...(began.get(shop) ?? []), bus.runtime.monotonic()]),
    { rate: { limit: 1, per: '1s', key: ({ shop }) => shop }, concurrency: 1, prefetch: 100 },
  )
  const bus = await testBus({ services: [shipping] })
  await publish(bus, orders.placed, 5, 'hot')
  await publish(bus, orders.placed, 1, 'cold')
  await bus.settle()
  expect([began.get('hot')?.length, began.get('cold')?.length]).toEqual([1, 1])
  await bus.advance('4s')
  expect(began.get('hot')).toEqual([0, 1_000, 2_000, 3_000, 4_000])
  await bus.drain()
})

test('a key with more messages than the prefetch does not keep other keys out for ever', async () => {
  const began = new Map<string, number>()
  const shipping = service('shipping').on(
    orders.placed,
    ({ shop }) => void began.set(shop, (began.get(shop) ?? 0) + 1),
    { rate: { limit: 1, per: '1m', key: ({ shop }) => shop }, prefetch: 4 },
  )
  const bus = await testBus({ services: [shipping] })
  await publish(bus, orders.placed, 20, 'hot')
  await publish(bus, orders.placed, 1, 'cold')
  await bus.advance('5s')
  expect(began.get('cold')).toBe(1)
  await bus.advance('60m')
  expect(began.get('hot')).toBe(20)
  await bus.drain()
})

test('a drain gives back what waits for its rate, of all or of its key', async () => {
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const shipping = service('shipping')
    .on(orders.placed, () => {}, { rate: { limit: 1, per: '1h', key: ({ shop }) => shop } })
    .on(orders.cancelled, () => {}, { rate: { limit: 1, per: '1h' } })
  const bus = await createBus({
    runtime,
    services: [shipping],
    transport: () => stub.transport,
    logger: silentLogger,
    drainOn: [],
  })
  const one = { n: 1, shop: 'a' }
  stub.subscriptions[0]?.receive(
    ['orders.placed', 'orders.placed', 'orders.cancelled', 'orders.cancelled'].map((each) => deliveryOf(each, one)),
  )
  await runtime.settle()
  await bus.drain('10s')
  expect(stub.subscriptions[0]?.settled.map(({ action }) => action)).toEqual(['ack', 'ack'])
  expect([stub.subscriptions[0]?.closed, runtime.timers]).toEqual([0, []])
})

test('what cannot be read has no key, and becomes a dead letter at once', async () => {
  const strict = contract('strict', {
    it: event({
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
    } as never),
  })
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const shipping = service('s').on(strict.it, () => {}, { rate: { limit: 1, per: '1h', key: () => 'k' } })
  await using bus = await createBus({
    runtime,
    services: [shipping],
    transport: () => stub.transport,
    logger: silentLogger,
    drainOn: [],
  })
  stub.subscriptions[0]?.receive([deliveryOf('strict.it', 1), deliveryOf('strict.it', 2)])
  await runtime.settle()
  expect(stub.subscriptions[0]?.settled).toMatchObject([{ reason: 'malformed' }, { reason: 'malformed' }])
  expect(bus.subscriptions[0]?.running).toBe(0)
})
