import { expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Delivery, Group, Subscription, SubscriptionSnapshot } from '../../transport/transport.ts'
import { AmqpTransport } from './amqp-transport.ts'
import { CHECK_EVERY_MS } from './attachment-watch.ts'
import { channel, group, message } from '../../transport/fixtures.test-support.ts'
import { ModelBroker, type ModelEngine } from './model-engine.test-support.ts'

const plain = group(channel('events', 'orders'), 'shipping')
const ordered = group(channel('events', 'orders', 2), 'shipping', { ordered: true })
/** A round of questions, the second look, and the first try to take up again. */
const NOTICED_MS = CHECK_EVERY_MS + 2_000

interface Bench {
  readonly runtime: VirtualRuntime
  readonly broker: ModelBroker
  readonly engine: ModelEngine
  readonly transport: AmqpTransport
  readonly events: TransportEvent[]
  readonly got: Delivery[]
  readonly subscription: Subscription
  standing(): Promise<SubscriptionSnapshot | undefined>
  send(...ids: readonly string[]): Promise<unknown>
}

async function bench(to: Group): Promise<Bench> {
  const runtime = virtualRuntime()
  const broker = new ModelBroker(runtime)
  const engine = broker.engine()
  const transport = new AmqpTransport(engine, runtime)
  const events: TransportEvent[] = []
  transport.onEvent((event) => void events.push(event))
  await transport.connect(new AbortController().signal)
  const got: Delivery[] = []
  const subscription = await transport.subscribe(
    { group: to, transient: false, prefetch: 3 },
    (batch) => void got.push(...batch),
  )
  await runtime.settle()
  return {
    runtime, broker, engine, transport, events, got, subscription,
    standing: async () => (await transport.inspect()).subscriptions[0],
    send: (...ids) => transport.send(ids.map((id) => ({ message: message(id, { key: id[0] as string }), to: to.channel }))),
  } // prettier-ignore
}

const count = (events: readonly TransportEvent[], type: TransportEvent['type']): number =>
  events.filter((event) => event.type === type).length

test('inspect() tells of a subscription that it is attached, since when, and what waits', async () => {
  const b = await bench(plain)
  const since = b.runtime.now()
  await b.runtime.advance(100)
  await b.send('1', '2', '3', '4', '5')
  await b.runtime.settle()
  expect(await b.standing()).toEqual({ channel: 'orders', group: 'shipping', attached: true, since, lag: 2 })
})

test('inspect() tells of every open subscription while the link is down that it is not attached', async () => {
  for (const of of [plain, ordered]) {
    const b = await bench(of)
    b.engine.cut()
    expect(await b.standing()).toMatchObject({ attached: false, since: undefined })
    b.engine.restore()
    await b.runtime.advance(1_000)
    expect(await b.standing()).toMatchObject({ attached: true, since: expect.any(Number) })
    await b.subscription.close(0)
    expect(await b.standing()).toBeUndefined()
  }
})

test('a consumer that the broker has lost without a word is taken up again', async () => {
  const b = await bench(plain)
  await b.send('1')
  await b.runtime.settle()
  b.broker.forget('orders:shipping')
  expect(await b.standing()).toMatchObject({ attached: false, since: undefined })
  await b.runtime.advance(NOTICED_MS)
  await b.runtime.settle()
  expect([count(b.events, 'subscription-lost'), count(b.events, 'subscription-restored')]).toEqual([1, 1])
  expect(await b.standing()).toMatchObject({ attached: true })
  expect(b.broker.queues.get('orders:shipping')?.consumers.length).toBe(1)
  expect(b.got.map((each) => each.redelivered)).toEqual([false, true])
  await b.runtime.advance(3 * CHECK_EVERY_MS)
  expect(count(b.events, 'subscription-lost')).toBe(1)
})

test('one of several consumers that the broker has lost is found by what it does not get', async () => {
  const b = await bench(plain)
  const other = new AmqpTransport(b.broker.engine(), b.runtime)
  await other.connect(new AbortController().signal)
  await other.subscribe({ group: plain, transient: false, prefetch: 1 }, () => undefined)
  b.broker.forget('orders:shipping', b.engine)
  await b.send('1', '2')
  await b.runtime.advance(4 * CHECK_EVERY_MS)
  await b.runtime.settle()
  expect(count(b.events, 'subscription-restored')).toBe(1)
  expect(b.got.map((each) => each.message.id)).toEqual(['2'])
  await b.send('3', '4', '5', '6')
  await b.runtime.advance(10 * CHECK_EVERY_MS)
  // With no room there is nothing to miss.
  expect(count(b.events, 'subscription-lost')).toBe(1)
})

const PARTS = ['orders:shipping:0', 'orders:shipping:0:retry', 'member'] as const

test('an ordered subscription takes up again what the broker has lost of it, without a word or with one', async () => {
  for (const part of PARTS)
    for (const how of ['forget', 'drop'] as const) {
      const b = await bench(ordered)
      const queue = [...b.broker.queues.keys()].find((name) => name === part || name.includes(`:${part}:`)) ?? ''
      b.broker[how](queue)
      await b.runtime.advance(NOTICED_MS)
      await b.runtime.settle()
      const what = `${how} ${part}`
      expect([count(b.events, 'subscription-lost'), count(b.events, 'subscription-restored')], what).toEqual([1, 1])
      expect(await b.standing(), what).toMatchObject({ attached: true })
      const queues = [...b.broker.queues].filter(([name]) => name !== 'orders:shipping:dead')
      // Two shards, two lanes, this member; each with one consumer.
      expect(queues.map(([, each]) => each.consumers.length), what).toEqual([1, 1, 1, 1, 1]) // prettier-ignore
      await b.send('a1', 'b1', 'c1', 'd1')
      await b.runtime.settle()
      b.subscription.settle(b.got.map((delivery) => ({ delivery, action: 'ack' })))
      await b.runtime.settle()
      expect(b.got.map((each) => each.message.id).toSorted(), what).toEqual(['a1', 'b1', 'c1', 'd1'])
      await b.transport.close(0)
    }
})

test('a shard that was lost and is another member’s now leaves the subscription attached', async () => {
  const b = await bench(ordered)
  const other = new AmqpTransport(b.broker.engine(), b.runtime)
  await other.connect(new AbortController().signal)
  b.broker.fault = (publication) => (publication.routingKey === 'orders:shipping:1:retry' ? 'refused' : undefined)
  b.broker.forget('orders:shipping:1')
  await b.runtime.advance(NOTICED_MS)
  await b.runtime.settle()
  expect(await b.standing()).toMatchObject({ attached: false })
  b.broker.fault = undefined
  await other.subscribe({ group: ordered, transient: false, prefetch: 3 }, () => undefined)
  await b.runtime.advance(60_000)
  expect(b.broker.queues.get('orders:shipping:1')?.consumers.length).toBe(1)
  expect(await b.standing()).toMatchObject({ attached: true })
  expect(count(b.events, 'subscription-restored')).toBeGreaterThan(0)
})
