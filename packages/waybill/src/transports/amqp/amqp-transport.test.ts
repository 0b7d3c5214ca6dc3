import { expect, test } from 'vitest'
import { FAILURE_HEADERS, failureRecord, readFailures } from '../../message/failure.ts'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Delivery, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import { AmqpTransport } from './amqp-transport.ts'
import { channel, group, message } from '../../transport/fixtures.test-support.ts'
import { ModelBroker, type ModelEngine } from './model-engine.test-support.ts'

const orders = channel('events', 'orders')
const place = channel('command', 'orders.place')
const quote = channel('query', 'orders.quote')

interface Bench {
  readonly runtime: VirtualRuntime
  readonly broker: ModelBroker
  readonly engine: ModelEngine
  readonly transport: AmqpTransport
  readonly events: TransportEvent[]
}

async function bench(): Promise<Bench> {
  const runtime = virtualRuntime()
  const broker = new ModelBroker(runtime)
  return await onto(broker, runtime)
}

async function onto(broker: ModelBroker, runtime: VirtualRuntime): Promise<Bench> {
  const engine = broker.engine()
  const transport = new AmqpTransport(engine, runtime)
  const events: TransportEvent[] = []
  transport.onEvent((event) => void events.push(event))
  await transport.connect(new AbortController().signal)
  return { runtime, broker, engine, transport, events }
}

interface Heard {
  readonly subscription: Subscription
  readonly got: Delivery[]
}

async function listen(
  { transport }: Bench,
  spec: Partial<SubscriptionSpec> & Pick<SubscriptionSpec, 'group'>,
): Promise<Heard> {
  const got: Delivery[] = []
  const subscription = await transport.subscribe(
    { transient: false, prefetch: 10, ...spec },
    (batch) => void got.push(...batch),
  )
  return { subscription, got }
}

const ids = (deliveries: readonly Delivery[]): readonly string[] => deliveries.map((each) => each.message.id)
const failure = failureRecord(new TypeError('no'), 1, 1, 'shipping')

test('send() reaches every group, and one member of each', async () => {
  const b = await bench()
  const shipping = await listen(b, { group: group(orders, 'shipping') })
  const mail = await listen(b, { group: group(orders, 'mail', { types: ['orders.cancelled'] }) })
  const results = await b.transport.send([
    { message: message('1'), to: orders },
    { message: message('2', { type: 'orders.cancelled' }), to: orders },
  ])
  expect(results).toEqual([{ outcome: 'accepted' }, { outcome: 'accepted' }])
  await b.runtime.settle()
  expect(ids(shipping.got)).toEqual(['1', '2'])
  expect(ids(mail.got)).toEqual(['2'])
})

test('send() of an event without recipients is accepted; of a command or query, refused as unroutable', async () => {
  const b = await bench()
  const [event, command, query] = await b.transport.send([
    { message: message('1'), to: orders },
    { message: message('2', { kind: 'command' }), to: place },
    { message: message('3', { kind: 'query' }), to: quote },
  ])
  expect(event).toEqual({ outcome: 'accepted' })
  expect(command).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_UNROUTABLE' } })
  expect(query).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_UNROUTABLE' } })
})

test('send() refuses what goes to a channel that cannot be declared, and that alone', async () => {
  const { engine, transport } = await bench()
  await engine.declareExchange({ name: 'odd', type: 'fanout' })
  const odd = channel('events', 'odd')
  const results = await transport.send([orders, odd, orders].map((to, n) => ({ message: message(String(n)), to })))
  expect(results).toMatchObject([
    { outcome: 'accepted' },
    { outcome: 'refused', error: { code: 'WAYBILL_TOPOLOGY_CONFLICT' } },
    { outcome: 'accepted' },
  ])
})

test('declare() of a command lets it be sent before its service has run', async () => {
  const b = await bench()
  await b.transport.declare({ channels: [place], groups: [] })
  expect(await b.transport.send([{ message: message('1', { kind: 'command' }), to: place }])).toEqual([
    { outcome: 'accepted' },
  ])
  const { got } = await listen(b, { group: group(place, 'checkout') })
  await b.runtime.settle()
  expect(ids(got)).toEqual(['1'])
})

test('subscribe() whose link breaks meanwhile rejects; nothing is reported of it, and it is not taken up', async () => {
  const b = await bench()
  const { engine, events, runtime } = b
  const requests = group(channel('reply', 'shop'), 'requests')
  const consume = engine.consume.bind(engine)
  engine.consume = async (...args) => {
    const consumer = await consume(...args)
    engine.cut()
    return consumer
  }
  await expect(listen(b, { group: requests, transient: true })).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  engine.consume = consume
  engine.restore()
  await runtime.advance(60_000)
  expect(events.map(({ type }) => type)).toEqual(['disconnected', 'connected'])
})

test('subscribe() refuses a second service that claims the command, and names both', async () => {
  const b = await bench()
  await listen(b, { group: group(place, 'checkout') })
  await listen(b, { group: group(place, 'checkout') })
  await expect(listen(b, { group: group(place, 'billing') })).rejects.toMatchObject({
    code: 'WAYBILL_COMMAND_CLAIMED',
    message: expect.stringMatching(/billing claims .*which checkout has/) as string,
  })
})

test('settle() retries with the attempt and the history, and only then acknowledges', async () => {
  const b = await bench()
  const { got, subscription } = await listen(b, { group: group(orders, 'shipping'), prefetch: 1 })
  await b.transport.send([{ message: message('1'), to: orders }])
  await b.runtime.settle()
  subscription.settle([{ delivery: got[0] as Delivery, action: 'retry', afterMs: 1_000, attempt: 2, failure }])
  await b.runtime.settle()
  expect(b.broker.ids('orders:shipping')).toEqual([])
  await b.runtime.advance(1_000)
  expect(got[1]?.message).toMatchObject({ id: '1', attempt: 2 })
  expect(readFailures(got[1]?.message.headers ?? {})).toEqual([failure])
})

test('settle() keeps a delivery whose retry the broker refuses, and tries again', async () => {
  const b = await bench()
  const { got, subscription } = await listen(b, { group: group(orders, 'shipping'), prefetch: 1 })
  await b.transport.send([{ message: message('1'), to: orders }])
  await b.runtime.settle()
  b.broker.fault = () => 'refused'
  subscription.settle([{ delivery: got[0] as Delivery, action: 'retry', afterMs: 0, attempt: 2, failure }])
  await b.runtime.advance(1_000)
  expect(b.broker.ids('orders:shipping')).toEqual(['1'])
  b.broker.fault = undefined
  await b.runtime.advance(5_000)
  expect(got.map((each) => each.message.attempt)).toEqual([1, 2])
  expect(b.broker.ids('orders:shipping')).toEqual(['1'])
})

test('settle() gives a delivery back and reports it, when the broker refuses for good', async () => {
  const b = await bench()
  const { got, subscription } = await listen(b, { group: group(orders, 'shipping'), prefetch: 1 })
  await b.transport.send([{ message: message('1'), to: orders }])
  await b.runtime.settle()
  b.broker.fault = () => 'refused'
  subscription.settle([{ delivery: got[0] as Delivery, action: 'retry', afterMs: 0, attempt: 2, failure }])
  await b.runtime.advance(60_000)
  expect(got[1]).toMatchObject({ redelivered: true, message: { id: '1', attempt: 1 } })
  expect(b.events).toContainEqual(expect.objectContaining({ type: 'error' }))
})

test('settle() rejects into the dead letters with reason, detail and history', async () => {
  const b = await bench()
  const { got, subscription } = await listen(b, { group: group(orders, 'shipping') })
  await b.transport.send([{ message: message('1', { headers: { tenant: 'a' } }), to: orders }])
  await b.runtime.settle()
  subscription.settle([{ delivery: got[0] as Delivery, action: 'reject', reason: 'failed', detail: 'no', failure }])
  await b.runtime.settle()
  expect(b.broker.ids('orders:shipping')).toEqual([])
  const dead = b.broker.queues.get('orders:shipping:dead')?.ready[0]?.publication.message
  expect(dead?.headers).toMatchObject({
    tenant: 'a',
    [FAILURE_HEADERS.reason]: 'failed',
    [FAILURE_HEADERS.detail]: 'no',
    [FAILURE_HEADERS.channel]: 'orders',
    [FAILURE_HEADERS.group]: 'shipping',
  })
  expect(readFailures(dead?.headers ?? {})).toEqual([failure])
  expect((await b.transport.inspect()).groups).toEqual([
    { channel: 'orders', group: 'shipping', depth: 0, consumers: 1, deadLetters: 1 },
  ])
})

test('an expired event becomes a dead letter, an expired query vanishes', async () => {
  const b = await bench()
  const events = await listen(b, { group: group(orders, 'shipping'), prefetch: 1 })
  const queries = await listen(b, { group: group(quote, 'prices'), prefetch: 1 })
  const expiresAt = b.runtime.now() + 10
  for (const id of ['1', '2']) {
    await b.transport.send([
      { message: message(id, { expiresAt }), to: orders },
      { message: message(id, { kind: 'query', expiresAt }), to: quote },
    ])
  }
  await b.runtime.settle()
  await b.runtime.advance(10)
  for (const heard of [events, queries])
    heard.subscription.settle([{ delivery: heard.got[0] as Delivery, action: 'ack' }])
  await b.runtime.settle()
  expect([events.got.length, queries.got.length]).toEqual([1, 1])
  expect(b.broker.ids('orders:shipping:dead')).toEqual(['2'])
  expect(b.broker.ids('orders.quote')).toEqual([])
  expect(b.broker.ids('orders.quote:prices:dead')).toEqual([])
})

test('replies come to the return address, durable or of one process', async () => {
  const b = await bench()
  const replies = channel('reply', 'checkout')
  const mine = await listen(b, { group: group(replies, 'checkout'), transient: true })
  const lasting = await listen(b, { group: group(replies, 'checkout') })
  expect(lasting.subscription.address).toBe(b.transport.addressOf(replies))
  for (const [id, address] of [
    ['1', mine.subscription.address],
    ['2', b.transport.addressOf(replies)],
  ] as const)
    // prettier-ignore
    await b.transport.send([{ message: message(id, { kind: 'reply' }), to: { kind: 'address', address: address ?? '' } }])
  await b.runtime.settle()
  expect([ids(mine.got), ids(lasting.got)]).toEqual([['1'], ['2']])
  const gone = await b.transport.send([
    { message: message('3', { kind: 'reply' }), to: { kind: 'address', address: 'gone' } },
  ])
  expect(gone).toMatchObject([{ outcome: 'refused', error: { code: 'WAYBILL_UNROUTABLE' } }])
})

test('a lost link: subscriptions are taken up again, old deliveries are ignored, transient ones report a gap', async () => {
  const b = await bench()
  const lasting = await listen(b, { group: group(orders, 'shipping') })
  const passing = await listen(b, { group: group(orders, 'screen'), transient: true })
  await b.transport.send([{ message: message('1'), to: orders }])
  await b.runtime.settle()
  b.engine.cut()
  expect(await b.transport.send([{ message: message('2'), to: orders }])).toMatchObject([{ outcome: 'refused' }])
  b.engine.restore()
  await b.runtime.settle()
  lasting.subscription.settle([{ delivery: lasting.got[0] as Delivery, action: 'ack' }])
  await b.transport.send([{ message: message('3'), to: orders }])
  await b.runtime.settle()
  expect(ids(lasting.got)).toEqual(['1', '1', '3'])
  expect(ids(passing.got)).toEqual(['1', '3'])
  expect(b.broker.ids('orders:shipping')).toEqual(['1', '3'])
  expect(b.events.map((event) => event.type)).toEqual(
    ['disconnected', 'subscription-lost', 'subscription-lost', 'gap', 'connected', 'subscription-restored', 'subscription-restored'],
  ) // prettier-ignore
})

test('a subscription whose queue is deleted is taken up again', async () => {
  const b = await bench()
  const { got } = await listen(b, { group: group(orders, 'shipping') })
  await b.engine.deleteQueue('orders:shipping')
  await b.runtime.settle()
  await b.transport.send([{ message: message('1'), to: orders }])
  await b.runtime.settle()
  expect(ids(got)).toEqual(['1'])
  expect(b.events.map((event) => event.type)).toEqual(['subscription-lost', 'subscription-restored'])
})

test('close() of a subscription waits for the unsettled, hands out no more, and returns the rest', async () => {
  const b = await bench()
  const { got, subscription } = await listen(b, { group: group(orders, 'shipping'), prefetch: 1 })
  await b.transport.send([
    { message: message('1'), to: orders },
    { message: message('2'), to: orders },
  ])
  await b.runtime.settle()
  let closed = false
  const closing = subscription.close(1_000).then(() => (closed = true))
  await b.runtime.settle()
  expect(closed).toBe(false)
  subscription.settle([{ delivery: got[0] as Delivery, action: 'ack' }])
  await closing
  await b.runtime.settle()
  expect(ids(got)).toEqual(['1'])
  expect(b.broker.ids('orders:shipping')).toEqual(['2'])
})

test('flow() changes the number of unsettled deliveries', async () => {
  const b = await bench()
  const { got, subscription } = await listen(b, { group: group(orders, 'shipping'), prefetch: 1 })
  await b.transport.send(['1', '2', '3'].map((id) => ({ message: message(id), to: orders })))
  await b.runtime.settle()
  expect(ids(got)).toEqual(['1'])
  subscription.flow(3)
  await b.runtime.settle()
  expect(ids(got)).toEqual(['1', '2', '3'])
})

test('every method answers by its state', async () => {
  const runtime = virtualRuntime()
  const transport = new AmqpTransport(new ModelBroker(runtime).engine(), runtime)
  await expect(transport.send([])).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  await transport.close(0)
  await transport.close(0)
  await expect(transport.send([])).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
  await expect(transport.connect(new AbortController().signal)).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
})
