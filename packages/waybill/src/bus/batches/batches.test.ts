import { expect, test } from 'vitest'
import { command, contract, document, event, type } from '../../contract/contract.ts'
import type { Handle } from '../../middleware/handler.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { testBus } from '../../testing/test-bus.ts'
import type { Batch } from '../service/batch.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { deliveryOf, stubTransport } from '../stub-transport.test-support.ts'

const log = contract(
  'log',
  { shards: 2 },
  {
    line: event(type<number>(), { key: (n) => String(n % 3) }),
    page: event(type<number>()),
    bill: document(type<number>()),
    go: command(type<number>()),
    ask: command(type<number>(), { reply: type<number>() }),
  },
)
const loose = { rethrow: false } as const
const bodies = (batch: Batch<number>): readonly number[] => batch.items.map(({ body }) => body)
const never = new Promise<never>(() => {})

test('messages are handled in batches: full ones at once, the rest when the first has waited', async () => {
  const batches: (readonly number[])[] = []
  const indexer = service('indexer').onBatch(log.line, (batch) => void batches.push(bodies(batch)), {
    batch: { size: 4, wait: '100ms' },
  })
  await using bus = await testBus({ services: [indexer] })
  for (let n = 0; n < 10; n++) await bus.publish(log.line, n)
  await bus.settle()
  expect(batches.map(({ length }) => length)).toEqual([4, 4])
  await bus.advance('99ms')
  expect(batches).toHaveLength(2)
  await bus.advance('1ms')
  expect(batches.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(bus.tally(log.line)).toEqual({ attempts: 10, processed: 10, retried: 0, deadLettered: 0 })
})

test('one batch runs at a time unless the concurrency says more', async () => {
  const finish: (() => void)[] = []
  const handle = (): Promise<void> => new Promise((resolve) => finish.push(resolve))
  const batch = { size: 2, wait: 0 }
  await using bus = await testBus({
    services: [
      service('one').onBatch(log.line, handle, { batch }),
      service('three').onBatch(log.line, handle, { batch, concurrency: 3 }),
    ],
  })
  for (let n = 0; n < 20; n++) await bus.publish(log.line, n)
  await bus.runtime.advance(10)
  expect(bus.subscriptions.map(({ running, prefetch }) => [running, prefetch])).toEqual([
    [1, 4],
    [3, 12],
  ])
  for (let n = 0; n < 30; n++) {
    finish.splice(0).forEach((one) => one())
    await bus.runtime.advance(1)
  }
  expect(bus.tally(log.line).processed).toBe(40)
})

test('a message that failed in its batch is tried again by itself, and the others are done', async () => {
  const seen: string[] = []
  const indexer = service('indexer').onBatch(
    log.line,
    (batch) => {
      for (const item of batch) {
        seen.push(`${item.body}/${item.attempt}`)
        if (item.body === 2) batch.fail(item, new Error('not this one'))
        if (item.body === 3) batch.deadLetter(item, 'nobody wants it')
      }
    },
    { batch: { size: 4 }, retry: { attempts: 2 } },
  )
  await using bus = await testBus({ ...loose, services: [indexer] })
  for (let n = 0; n < 4; n++) await bus.publish(log.line, n)
  await bus.advance('1s')
  expect(seen).toEqual(['0/1', '1/1', '2/1', '3/1', '2/2'])
  expect(bus.tally(log.line)).toEqual({ attempts: 5, processed: 2, retried: 1, deadLettered: 2 })
  expect(bus.deadLetters()).toMatchObject([
    { reason: 'rejected', detail: 'nobody wants it' },
    { reason: 'failed', detail: 'not this one', message: { attempt: 2 } },
  ])
})

test('a batch handler that throws fails every message, each by its own retries', async () => {
  let calls = 0
  const indexer = service('indexer').onBatch(
    log.line,
    (batch) => {
      if (++calls === 1) throw new Error('all of it')
      for (const item of batch) expect(item.attempt).toBe(2)
    },
    { batch: { size: 3 } },
  )
  await using bus = await testBus({ ...loose, services: [indexer] })
  for (let n = 0; n < 3; n++) await bus.publish(log.line, n)
  await bus.advance('1s')
  expect(bus.tally(log.line)).toEqual({ attempts: 6, processed: 3, retried: 3, deadLettered: 0 })
})

test('what cannot be read becomes a dead letter by itself, and the batch is handled without it', async () => {
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const batches: (readonly number[])[] = []
  const indexer = service('indexer').onBatch(log.line, (batch) => void batches.push(bodies(batch)), {
    batch: { size: 3 },
  })
  await using bus = await createBus({
    runtime,
    services: [indexer],
    transport: () => stub.transport,
    logger: silentLogger,
    drainOn: [],
  })
  const broken = deliveryOf('log.line', 1)
  const unreadable = { ...broken, message: { ...broken.message, body: new TextEncoder().encode('{') } }
  const expired = deliveryOf('log.line', 2, { expiresAt: 1 })
  stub.subscriptions[0]?.receive([unreadable, deliveryOf('log.line', 5), expired])
  await runtime.settle()
  expect(batches).toEqual([[5]])
  expect(stub.subscriptions[0]?.settled).toMatchObject([
    { action: 'reject', reason: 'malformed' },
    { action: 'ack' },
    { action: 'reject', reason: 'expired' },
  ])
  stub.subscriptions[0]?.receive([unreadable, unreadable, unreadable].map((each) => ({ ...each })))
  await runtime.settle()
  expect([batches.length, bus.subscriptions[0]?.handled]).toEqual([1, 6])
})

test('middleware wraps each message, and may fail one, or take it out of its batch', async () => {
  const wrapped: number[] = []
  const middleware = (next: Handle): Handle => {
    return async (handling) => {
      wrapped.push(handling.body as number)
      if (handling.body === 1) throw new Error('from the middleware')
      if (handling.body === 2) return undefined
      return await next(handling)
    }
  }
  const batches: (readonly number[])[] = []
  const indexer = service('indexer')
    .use(middleware)
    .onBatch(log.line, (batch) => void batches.push(bodies(batch)), { batch: { size: 4 }, retry: { attempts: 1 } })
  await using bus = await testBus({ ...loose, services: [indexer] })
  for (let n = 0; n < 4; n++) await bus.publish(log.line, n)
  await bus.settle()
  expect([wrapped, batches]).toEqual([[0, 1, 2, 3], [[0, 3]]])
  expect(bus.deadLetters()).toMatchObject([{ detail: 'from the middleware' }])
})

test('a batch over its time-out is aborted, keeps its slot, and fails with the time-out', async () => {
  let aborted: unknown
  const indexer = service('indexer').onBatch(
    log.line,
    (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = (signal.reason as { code: string }).code
          reject(new Error('stopped'))
        })
      }),
    { batch: { size: 2 }, timeout: '5s', retry: { attempts: 1 } },
  )
  await using bus = await testBus({ ...loose, services: [indexer] })
  await bus.publish(log.line, 1)
  await bus.publish(log.line, 2)
  await bus.runtime.advance(5_000)
  await bus.settle()
  expect(aborted).toBe('WAYBILL_HANDLER_TIMEOUT')
  expect(bus.deadLetters().map(({ detail }) => detail.slice(0, 23))).toEqual(Array(2).fill('WAYBILL_HANDLER_TIMEOUT'))
})

test('what a batch sends is caused by the message that it sends it for', async () => {
  const indexer = service('indexer').onBatch(
    log.line,
    async (batch) => {
      for (const item of batch) await item.publish(log.page, item.body * 10)
    },
    { batch: { size: 2 } },
  )
  const causes: (string | undefined)[] = []
  const reader = service('reader').on(log.page, (_, { causationId }) => void causes.push(causationId))
  await using bus = await testBus({ services: [indexer, reader] })
  const sent = [await bus.publish(log.line, 1), await bus.publish(log.line, 2)]
  await bus.settle()
  expect(causes).toEqual(sent.map(({ id }) => id))
})

test('an ordered batch has one message of each key, and the order of keys holds through failures', async () => {
  const batches: (readonly number[])[] = []
  const done: number[] = []
  const indexer = service('indexer').onBatch(
    log.line,
    (batch) => {
      batches.push(bodies(batch))
      for (const item of batch)
        if (item.body % 5 === 4 && item.attempt === 1) batch.fail(item, new Error('once'))
        else done.push(item.body)
    },
    { ordered: true, batch: { size: 10, wait: '10ms' } },
  )
  await using bus = await testBus({ ...loose, services: [indexer] })
  const all = Array.from({ length: 30 }, (_, n) => n)
  for (const n of all) await bus.publish(log.line, n)
  await bus.advance('1m')
  for (const batch of batches) expect(new Set(batch.map((n) => n % 3)).size).toBe(batch.length)
  for (const key of [0, 1, 2]) expect(done.filter((n) => n % 3 === key)).toEqual(all.filter((n) => n % 3 === key))
})

test('documents and commands come in batches, too; a batch smaller than its size goes when no more can come', async () => {
  const sizes: number[] = []
  const worker = service('worker')
    .onBatch(log.bill, (batch) => void sizes.push(batch.size), { batch: { size: 3, wait: '1h' } })
    .onBatch(log.go, (batch) => void sizes.push(batch.size), { batch: { size: 2, wait: '1h' } })
  await using bus = await testBus({ services: [worker] })
  for (let n = 0; n < 3; n++) await bus.send(log.bill, n)
  for (let n = 0; n < 2; n++) await bus.send(log.go, n)
  await bus.settle()
  expect(sizes).toEqual([3, 2])
})

test('beside a paused handler of the same subscription a batch goes on', async () => {
  const sizes: number[] = []
  const both = service('both')
    .onBatch(log.line, (batch) => void sizes.push(batch.size), { batch: { size: 8, wait: '1s' }, prefetch: 8 })
    .on(log.page, () => never, { bulkhead: 1, timeout: '1h' })
  const bus = await testBus({ services: [both] })
  for (let n = 0; n < 8; n++) await bus.publish(log.page, n)
  for (let n = 0; n < 16; n++) await bus.publish(log.line, n)
  await bus.runtime.advance(10_000)
  expect(sizes.reduce((sum, each) => sum + each, 0)).toBe(16)
  void bus.drain('1s')
})

test('a drain gives back a batch that is not full', async () => {
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const indexer = service('indexer').onBatch(log.line, () => expect.unreachable('it is not full'), {
    batch: { size: 3, wait: '1m' },
  })
  const bus = await createBus({
    runtime,
    services: [indexer],
    transport: () => stub.transport,
    logger: silentLogger,
    drainOn: [],
  })
  stub.subscriptions[0]?.receive([deliveryOf('log.line', 1), deliveryOf('log.line', 2)])
  await runtime.settle()
  await bus.drain('10s')
  expect([stub.subscriptions[0]?.settled, stub.subscriptions[0]?.closed, runtime.timers]).toEqual([[], 0, []])
})

test('fail() of what is no message of the batch fails the batch', async () => {
  const indexer = service('indexer').onBatch(log.line, (batch) => batch.fail({ ...batch.items[0] } as never, 1), {
    batch: { size: 1 },
    retry: { attempts: 1 },
  })
  await using bus = await testBus({ ...loose, services: [indexer] })
  await bus.publish(log.line, 1)
  await bus.settle()
  expect(bus.deadLetters()).toMatchObject([{ detail: 'fail() takes a message of this batch' }])
})
