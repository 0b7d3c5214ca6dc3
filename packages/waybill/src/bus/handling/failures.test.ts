// What becomes of a message, and of whoever waits for its reply, when something goes wrong on the way.
import { expect, test } from 'vitest'
import { z } from 'zod'
import { command, contract, event, query, type } from '../../contract/contract.ts'
import type { Middleware } from '../../middleware/handler.ts'
import { testBus } from '../../testing/test-bus.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { deliveryOf, stubTransport } from '../stub-transport.test-support.ts'

const number = z.object({ n: z.number() })
const shop = contract('shop', {
  pay: command(number, { reply: number }),
  price: query(number, number),
  paid: event(number),
})
const loose = { rethrow: false } as const

test('a handler that throws what cannot be made text is tried again, dead-lettered, and answered', async () => {
  await using bus = await testBus({
    ...loose,
    services: [
      service('a')
        .on(
          shop.paid,
          () => {
            throw Object.create(null) // not an Error, and String() of it throws
          },
          { retry: { attempts: 2 } },
        )
        .answer(shop.price, () => {
          throw Object.create(null)
        }),
    ],
  })
  await bus.publish(shop.paid, { n: 1 })
  await bus.settle()
  expect(bus.tally(shop.paid)).toEqual({ attempts: 2, processed: 0, retried: 1, deadLettered: 1 })
  await expect(bus.request(shop.price, { n: 1 })).rejects.toMatchObject({ code: 'WAYBILL_REMOTE_FAILED' })
})

test('a logger that throws changes nothing for the message, and is told of once', async () => {
  const broken = (): never => {
    throw new Error('disk full')
  }
  const warnings: string[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', onWarning)
  await using bus = await testBus({
    ...loose,
    logger: { debug: broken, info: broken, warn: broken, error: broken },
    services: [
      service('a').on(
        shop.paid,
        () => {
          throw new Error('x')
        },
        { retry: { attempts: 2 } },
      ),
    ],
  })
  await bus.publish(shop.paid, { n: 1 })
  await bus.settle()
  expect(bus.tally(shop.paid)).toEqual({ attempts: 2, processed: 0, retried: 1, deadLettered: 1 })
  await expect.poll(() => warnings).toEqual([expect.stringContaining('disk full')])
  process.off('warning', onWarning)
})

test('a middleware that throws, in its turn or later, fails the message like its handler', async () => {
  const throwing: Middleware = () => () => {
    throw new Error('from the middleware')
  }
  await using bus = await testBus({
    ...loose,
    services: [
      service('a')
        .on(shop.paid, () => {}, { retry: { attempts: 1 } })
        .use(throwing),
    ],
  })
  await bus.publish(shop.paid, { n: 1 })
  await bus.settle()
  expect(bus.deadLetters()).toMatchObject([{ reason: 'failed', detail: 'from the middleware' }])
})

test('a reply that breaks its schema fails the request at once; the work is not done twice', async () => {
  let done = 0
  const wrong = (): { n: number } => {
    done++
    return { n: 'one' } as unknown as { n: number } // what a handler without types may do
  }
  const asker = service('asker').onReply(shop.pay, () => {})
  await using bus = await testBus({ ...loose, services: [service('a').on(shop.pay, wrong), asker] })
  await expect(bus.request(shop.pay, { n: 1 })).rejects.toMatchObject({
    code: 'WAYBILL_REMOTE_FAILED',
    remote: { code: 'WAYBILL_INVALID_MESSAGE' },
  })
  await bus.requestAsync(shop.pay, { n: 1 }, { replyTo: 'asker' })
  await bus.settle()
  expect(done).toBe(2)
  expect(bus.deadLetters().map(({ reason }) => reason)).toEqual(['failed', 'failed'])
})

test('a handler that puts its message aside after its time-out is obeyed', async () => {
  await using bus = await testBus({
    ...loose,
    services: [
      service('a').on(
        shop.paid,
        (_, ctx) =>
          new Promise((_resolve, reject) => {
            ctx.signal.addEventListener('abort', () => {
              try {
                ctx.deadLetter('half done')
              } catch (error) {
                reject(error)
              }
            })
          }),
        { timeout: '1s' },
      ),
    ],
  })
  await bus.publish(shop.paid, { n: 1 })
  await bus.advance('1s')
  expect(bus.deadLetters()).toMatchObject([{ reason: 'rejected', detail: 'half done' }])
})

test.each([
  ['succeeds', (resolve: (reply: { n: number }) => void) => resolve({ n: 1 }), 1, 0],
  ['fails', (_: unknown, reject: (error: Error) => void) => reject(new Error('late')), 0, 1],
] as const)(
  'a requester is answered once, also when the handler %s after its time-out',
  async (_, end, acked, dead) => {
    let late: () => void = () => {}
    await using bus = await testBus({
      ...loose,
      services: [
        service('a').on(
          shop.pay,
          () => new Promise<{ n: number }>((resolve, reject) => (late = () => end(resolve, reject))),
          {
            timeout: '1s',
          },
        ),
      ],
    })
    const asked = expect(bus.request(shop.pay, { n: 1 }, { timeout: '1m' })).rejects.toMatchObject({
      remote: { code: 'WAYBILL_HANDLER_TIMEOUT' },
    })
    await bus.runtime.advance(1_000)
    await asked
    late()
    await bus.settle()
    expect(bus.tally(shop.pay)).toMatchObject({ processed: acked, deadLettered: dead })
  },
)

test('a question whose asker has been told of the time-out is done', async () => {
  let late: () => void = () => {}
  const slow = service('a').answer(
    shop.price,
    () => new Promise((_resolve, reject) => (late = () => reject(new Error('late')))),
    { timeout: '1s' },
  )
  await using bus = await testBus({ ...loose, services: [slow] })
  const asked = expect(bus.request(shop.price, { n: 1 }, { timeout: '1m' })).rejects.toThrow('WAYBILL_HANDLER_TIMEOUT')
  await bus.runtime.advance(1_000)
  await asked
  late()
  await bus.settle()
  expect(bus.tally(shop.price)).toMatchObject({ processed: 1, deadLettered: 0 })
})

test('a poison message is put aside unhandled, and its requester is told', async () => {
  const runtime = virtualRuntime()
  const stub = stubTransport()
  let handled = 0
  const counting = service('a').on(shop.pay, ({ n }) => ({ n: n + ++handled }))
  await using bus = await createBus({
    runtime,
    logger: silentLogger,
    drainOn: [],
    transport: () => stub.transport,
    services: [counting],
    maxDeliveries: 3,
  })
  const fields = { kind: 'command', replyTo: 'there', headers: { 'waybill-awaited': '1' } } as const
  stub.subscriptions[0]?.receive([3, 4].map((count) => deliveryOf('shop.pay', { n: count }, fields, count)))
  await runtime.settle()
  expect(handled).toBe(1)
  const settled = stub.subscriptions[0]?.settled ?? []
  expect(settled.map(({ delivery, action }) => `${delivery.deliveryCount} ${action}`).toSorted()).toEqual([
    '3 ack',
    '4 reject',
  ])
  expect(settled.find(({ action }) => action === 'reject')).toMatchObject({ reason: 'poison' })
  const told = stub.sent.map(({ message }) => message.headers['waybill-outcome'] ?? 'well')
  expect(told.toSorted()).toEqual(['failed', 'well'])
  expect(bus.subscriptions[0]?.handled).toBe(2)
})

test('an unknown type is put aside, or acknowledged where the subscription says skip', async () => {
  const runtime = virtualRuntime()
  const stub = stubTransport()
  await using bus = await createBus({
    runtime,
    logger: silentLogger,
    drainOn: [],
    transport: () => stub.transport,
    services: [service('strict').on(shop.paid, () => {}), service('easy').on(shop.paid, () => {}, { unknown: 'skip' })],
  })
  for (const { receive } of stub.subscriptions) receive([deliveryOf('shop.refunded', { n: 1 })])
  await runtime.settle()
  expect(bus.subscriptions.map(({ service: name }) => name)).toEqual(['strict', 'easy'])
  expect(stub.subscriptions.map(({ settled }) => settled)).toMatchObject([
    [{ action: 'reject', reason: 'unknown' }],
    [{ action: 'ack' }],
  ])
})

test('a key function that throws, or gives no text, fails that one send', async () => {
  const keyed = contract(
    'keyed',
    { shards: 2 },
    { it: event(type<{ id: unknown }>(), { key: ({ id }) => id as string }) },
  )
  await using bus = await testBus()
  await expect(bus.publish(keyed.it, { id: 5 })).rejects.toThrow('the key of keyed.it must be text, not number')
  await expect(bus.publish(keyed.it, { id: 'x'.repeat(2_000) })).rejects.toThrow(TypeError)
  await expect(bus.publish(keyed.it, { id: 'a\ud800' })).rejects.toThrow(TypeError)
  await expect(bus.publish(keyed.it, null as unknown as { id: string })).rejects.toThrow(TypeError)
  await expect(bus.publish(keyed.it, { id: 'a' }, { id: '' })).rejects.toThrow('a message id must have 1 to 255 bytes')
  await bus.publish(keyed.it, { id: 'a' }, { id: 'x'.repeat(255) })
})

test('retry.within counts from the first failure, through waits and slow handlers', async () => {
  const at: number[] = []
  const slow = service('a').on(
    shop.paid,
    async () => {
      at.push(bus.runtime.monotonic())
      await new Promise<void>((resolve) => void bus.runtime.setTimer(4_000, resolve))
      throw new Error('down')
    },
    { retry: { attempts: 100, immediate: 0, backoff: 'fixed', base: '10s', jitter: false, within: '1m' } },
  )
  const bus = await testBus({ ...loose, services: [slow] })
  await bus.publish(shop.paid, { n: 1 })
  await bus.runtime.advance(600_000)
  // The first failure is at 4 s, and a try takes 4 s: 14 s from one to the next, none begins after 64 s.
  expect(at).toEqual([0, 14_000, 28_000, 42_000, 56_000])
  expect(bus.deadLetters()).toMatchObject([{ reason: 'failed', message: { attempt: 5 } }])
  await bus.drain()
})
