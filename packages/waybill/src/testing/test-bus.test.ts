import { expect, test } from 'vitest'
import { z } from 'zod'
import { service } from '../bus/service/service.ts'
import { command, contract, document, event, query, survey, type } from '../contract/contract.ts'
import { readFailures } from '../message/failure.ts'
import { testBus } from './test-bus.ts'

const id = z.object({ id: z.string() })
const orders = contract(
  'orders',
  { shards: 4 },
  {
    place: command(id, { reply: z.object({ number: z.number() }) }),
    placed: event(id, { key: (placed) => placed.id }),
    quote: query(z.object({ sku: z.string() }), z.object({ price: z.number() })),
    offers: survey(z.object({ kg: z.number() }), z.object({ price: z.number() })),
    invoice: document(id),
  },
)

test('publish() reaches every group once, and the members of a group share', async () => {
  const seen: string[] = []
  const note = (who: string) => (body: { id: string }) => void seen.push(`${who} ${body.id}`)
  await using bus = await testBus({
    services: [
      service('a').on(orders.placed, note('a')).on(orders.placed, note('audit'), { group: 'audit' }),
      service('b').on(orders.placed, note('b')),
    ],
  })
  await bus.publish(orders.placed, { id: '1' })
  await bus.settle()
  expect(seen.toSorted()).toEqual(['a 1', 'audit 1', 'b 1'])
  expect(bus.tally(orders.placed)).toEqual({ attempts: 3, processed: 3, retried: 0, deadLettered: 0 })
})

test('publish() to nobody is accepted; send() to nobody is refused', async () => {
  await using bus = await testBus()
  await bus.publish(orders.placed, { id: '1' })
  await expect(bus.send(orders.place, { id: '1' })).rejects.toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
  await expect(bus.send(orders.invoice, { id: '1' })).rejects.toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
})

test('publish() refuses a body that breaks its schema, and stores nothing', async () => {
  await using bus = await testBus({ services: [service('a').on(orders.placed, () => {})] })
  const wrong = { id: 1 } as unknown as { id: string } // what a caller without types may do
  await expect(bus.publish(orders.placed, wrong)).rejects.toMatchObject({ code: 'WAYBILL_INVALID_MESSAGE' })
  await bus.settle()
  expect(bus.tally(orders.placed).attempts).toBe(0)
})

test('request() brings the typed reply of a query and of a command', async () => {
  await using bus = await testBus({
    services: [
      service('a')
        .answer(orders.quote, ({ sku }) => ({ price: sku.length }))
        .on(orders.place, () => ({ number: 7 })),
    ],
  })
  expect(await bus.request(orders.quote, { sku: 'abc' })).toEqual({ price: 3 })
  expect(await bus.request(orders.place, { id: '1' })).toEqual({ number: 7 })
})

test('request() rejects at once with the error of the handler, which is not tried again', async () => {
  let tries = 0
  await using bus = await testBus({
    rethrow: false,
    services: [
      service('a').answer(orders.quote, () => {
        tries++
        throw new RangeError('no such sku')
      }),
    ],
  })
  await expect(bus.request(orders.quote, { sku: 'x' })).rejects.toMatchObject({
    code: 'WAYBILL_REMOTE_FAILED',
    remote: { name: 'RangeError', message: 'no such sku' },
  })
  await bus.settle()
  expect(tries).toBe(1)
})

test('request() to nobody is refused; without a reply in time it times out', async () => {
  await using bus = await testBus({
    services: [service('a').on(orders.place, () => new Promise<never>(() => {}))],
    drainTimeout: 0,
  })
  await expect(bus.request(orders.quote, { sku: 'x' })).rejects.toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
  const pending = expect(bus.request(orders.place, { id: '1' }, { timeout: '5s' })).rejects.toMatchObject({
    code: 'WAYBILL_REQUEST_TIMEOUT',
  })
  await bus.runtime.advance(5_000)
  await pending
})

test('requestAsync() hands the reply to the onReply handler', async () => {
  const replies: unknown[] = []
  const asker = service('asker').onReply(orders.quote, (reply, ctx) => void replies.push([reply, ctx.causationId]))
  await using bus = await testBus({ services: [asker, service('a').answer(orders.quote, () => ({ price: 4 }))] })
  const { id: asked } = await bus.requestAsync(orders.quote, { sku: 'x' }, { replyTo: asker })
  await bus.settle()
  expect(replies).toEqual([[{ ok: true, value: { price: 4 } }, asked]])
})

test('scatter() streams the replies and stops at the limit, the timeout, or when the caller leaves', async () => {
  const offer = (name: string, price: number) => service(name).answer(orders.offers, () => ({ price }))
  await using bus = await testBus({ services: [offer('a', 1), offer('b', 2), offer('c', 3)] })
  const two: string[] = []
  for await (const reply of bus.scatter(orders.offers, { kg: 1 }, { limit: 2 })) two.push(reply.from)
  expect(two).toHaveLength(2)
  for await (const reply of bus.scatter(orders.offers, { kg: 1 })) {
    expect(reply.ok).toBe(true)
    break
  }
  const all = (async () => {
    const found: string[] = []
    for await (const reply of bus.scatter(orders.offers, { kg: 1 }, { timeout: '1s' })) found.push(reply.from)
    return found
  })()
  await bus.advance('1s')
  expect((await all).toSorted()).toEqual(['a', 'b', 'c'])
})

test('a failing handler is tried at once, then with growing delays, then dead-lettered with its history', async () => {
  const attempts: [number, number][] = []
  await using bus = await testBus({
    rethrow: false,
    services: [
      service('a').on(
        orders.placed,
        (_, ctx) => {
          attempts.push([ctx.attempt, bus.runtime.monotonic()])
          throw new Error(`try ${ctx.attempt}`)
        },
        { retry: { attempts: 4, immediate: 1, base: '1s', jitter: false } },
      ),
    ],
  })
  await bus.publish(orders.placed, { id: '1' })
  await bus.settle()
  await bus.advance('10s')
  expect(attempts.map(([attempt]) => attempt)).toEqual([1, 2, 3, 4])
  expect(attempts.map(([, at]) => Math.round(at / 1_000))).toEqual([0, 0, 1, 3])
  const [dead] = bus.deadLetters()
  expect(dead).toMatchObject({ type: 'orders.placed', group: 'a', reason: 'failed', detail: 'try 4' })
  expect(readFailures(dead?.message.headers ?? {}).map(({ message }) => message)).toEqual(['try 1', 'try 2', 'try 3'])
})

test('ctx.deadLetter() puts a message aside at once, and a malformed one never reaches the handler', async () => {
  const careless = contract('orders', { shards: 4 }, { placed: event(type<unknown>()) })
  let handled = 0
  await using bus = await testBus({
    rethrow: false,
    services: [
      service('a').on(orders.placed, (_, ctx) => {
        handled++
        ctx.deadLetter('not for us')
      }),
    ],
  })
  await bus.publish(orders.placed, { id: '1' })
  await bus.settle()
  await bus.publish(careless.placed, { nonsense: true })
  await bus.settle()
  expect(handled).toBe(1)
  expect(bus.deadLetters().map(({ reason, detail }) => [reason, detail.split('\n')[0]])).toEqual([
    ['rejected', 'not for us'],
    ['malformed', expect.stringContaining('WAYBILL_INVALID_MESSAGE')],
  ])
})

test('ordered: a failing key holds back its successors while other keys run on', async () => {
  const seen: string[] = []
  await using bus = await testBus({
    rethrow: false,
    services: [
      service('a').on(
        orders.placed,
        ({ id: key }, ctx) => {
          if (key === 'x' && ctx.headers['n'] === '0' && ctx.attempt < 4) throw new Error('not yet')
          seen.push(`${key}${ctx.headers['n']}`)
        },
        { ordered: true, retry: { attempts: 5, immediate: 0, base: '1s', jitter: false } },
      ),
    ],
  })
  for (let n = 0; n < 3; n++)
    for (const key of ['x', 'y']) await bus.publish(orders.placed, { id: key }, { headers: { n: String(n) } })
  await bus.settle()
  expect(seen).toEqual(['y0', 'y1', 'y2'])
  await bus.advance('1m')
  expect(seen).toEqual(['y0', 'y1', 'y2', 'x0', 'x1', 'x2'])
})

test('what a handler sends carries correlation, causation and trace on', async () => {
  const seen: { correlationId: string; causationId: string | undefined; trace: string | undefined; id: string }[] = []
  await using bus = await testBus({
    services: [
      service('a').on(orders.invoice, async (body, ctx) => {
        seen.push({
          correlationId: ctx.correlationId,
          causationId: ctx.causationId,
          trace: ctx.message.traceparent,
          id: ctx.id,
        })
        await ctx.publish(orders.placed, body)
      }),
      service('b').on(orders.placed, (_, ctx) => {
        seen.push({
          correlationId: ctx.correlationId,
          causationId: ctx.causationId,
          trace: ctx.message.traceparent,
          id: ctx.id,
        })
      }),
    ],
  })
  const sent = await bus.send(orders.invoice, { id: '1' })
  await bus.settle()
  const [first, second] = seen
  expect(first).toMatchObject({ id: sent.id, correlationId: sent.correlationId, causationId: undefined })
  expect(second).toMatchObject({ correlationId: sent.correlationId, causationId: sent.id })
  expect(second?.trace?.split('-')[1]).toBe(first?.trace?.split('-')[1])
  expect(second?.trace).not.toBe(first?.trace)
})

test('faults: a crash before the acknowledgement brings the message again, and a duplicate is stored twice', async () => {
  const seen: boolean[] = []
  await using bus = await testBus({
    services: [service('a').on(orders.placed, (_, ctx) => void seen.push(ctx.redelivered))],
  })
  bus.faults.crashBeforeAck(orders.placed)
  await bus.publish(orders.placed, { id: '1' })
  await bus.settle()
  expect(seen).toEqual([false, true])
  bus.faults.duplicate(orders.placed)
  await bus.publish(orders.placed, { id: '2' })
  await bus.settle()
  expect(seen).toHaveLength(4)
})

test('settle() rejects with the error of a handler unless told otherwise', async () => {
  await using bus = await testBus({
    services: [
      service('a').on(
        orders.placed,
        () => {
          throw new Error('a bug')
        },
        { retry: { attempts: 1 } },
      ),
    ],
  })
  await bus.publish(orders.placed, { id: '1' })
  await expect(bus.settle()).rejects.toThrow('a bug')
})

test('concurrency is bounded, and can be changed while running', async () => {
  let running = 0
  let most = 0
  const gates: (() => void)[] = []
  const slow = service('a').on(
    orders.placed,
    async () => {
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => gates.push(resolve))
      running--
    },
    { concurrency: 2, prefetch: 8 },
  )
  await using bus = await testBus({ services: [slow] })
  for (let n = 0; n < 12; n++) await bus.publish(orders.placed, { id: String(n) })
  await bus.runtime.advance(0)
  expect(most).toBe(2)
  bus.subscription(slow, orders.placed).tune({ concurrency: 5 })
  await bus.runtime.advance(0)
  expect(most).toBe(5)
  for (let left = 12; left > 0; left--) {
    while (gates.length === 0) await bus.runtime.advance(0)
    gates.shift()?.()
  }
  await bus.settle()
  expect(bus.tally(orders.placed).processed).toBe(12)
  expect(most).toBe(5)
})

test('a handler over its time-out has its signal aborted, and answers its requester at once', async () => {
  let reason: unknown
  await using bus = await testBus({
    rethrow: false,
    services: [
      service('a').answer(
        orders.quote,
        (_, ctx) =>
          new Promise((_resolve, reject) => {
            ctx.signal.addEventListener('abort', () => {
              reason = ctx.signal.reason
              reject(new Error('stopped'))
            })
          }),
        { timeout: '2s' },
      ),
    ],
  })
  const asked = expect(bus.request(orders.quote, { sku: 'x' }, { timeout: '1m' })).rejects.toMatchObject({
    code: 'WAYBILL_REMOTE_FAILED',
    remote: { code: 'WAYBILL_HANDLER_TIMEOUT' },
  })
  await bus.runtime.advance(2_000)
  await asked
  expect(reason).toMatchObject({ code: 'WAYBILL_HANDLER_TIMEOUT' })
})

test('drain() waits for running handlers, then refuses sends', async () => {
  let finish: () => void = () => {}
  let done = false
  const bus = await testBus({
    services: [
      service('a').on(orders.placed, async () => {
        await new Promise<void>((resolve) => (finish = resolve))
        done = true
      }),
    ],
  })
  await bus.publish(orders.placed, { id: '1' })
  await bus.runtime.advance(0)
  const drained = bus.drain()
  await bus.runtime.advance(0)
  finish()
  await drained
  expect(done).toBe(true)
  await expect(bus.publish(orders.placed, { id: '2' })).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
})

test('leaving the scope of a test bus ends, although a handler never returns', async () => {
  let reason: unknown
  {
    await using bus = await testBus({
      services: [
        service('a').on(orders.placed, (_, ctx) => {
          ctx.signal.addEventListener('abort', () => (reason = ctx.signal.reason))
          return new Promise<void>(() => {})
        }),
      ],
    })
    await bus.publish(orders.placed, { id: '1' })
    await bus.runtime.advance(0)
  }
  expect(reason).toMatchObject({ code: 'WAYBILL_CLOSED' })
})

test('drain() of a test bus takes a time-out', async () => {
  const bus = await testBus({
    services: [service('a').on(orders.placed, () => new Promise<void>(() => {}))],
  })
  await bus.publish(orders.placed, { id: '1' })
  await bus.runtime.advance(0)
  await bus.drain(0)
  expect(bus.subscriptions[0]?.state).toBe('closed')
})
