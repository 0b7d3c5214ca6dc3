import { expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../../runtime/virtual-runtime.ts'
import { channel, group, message } from '../../../transport/fixtures.test-support.ts'
import type { TransportEvent } from '../../../transport/transport-event.ts'
import type { Delivery, Subscription } from '../../../transport/transport.ts'
import { AmqpTransport } from '../amqp-transport.ts'
import { ModelBroker, type ModelEngine } from '../model-engine.test-support.ts'
import { markerIn, tokenIn, tokenMessage } from './lane-message.ts'

const orders = channel('events', 'orders', 1)
const shipping = group(orders, 'shipping', { ordered: true })
const LANE = 'orders:shipping:0:retry'

interface Member {
  readonly engine: ModelEngine
  readonly transport: AmqpTransport
  readonly subscription: Subscription
  readonly got: Delivery[]
  readonly events: TransportEvent[]
}

async function member(broker: ModelBroker): Promise<Member> {
  const engine = broker.engine()
  const transport = new AmqpTransport(engine, broker.runtime)
  const events: TransportEvent[] = []
  transport.onEvent((event) => void events.push(event))
  await transport.connect(new AbortController().signal)
  const got: Delivery[] = []
  const spec = { group: shipping, transient: false, prefetch: 10 }
  const subscription = await transport.subscribe(spec, (batch) => void got.push(...batch))
  return { engine, transport, subscription, got, events }
}

async function start(): Promise<{ runtime: VirtualRuntime; broker: ModelBroker; one: Member }> {
  const runtime = virtualRuntime()
  const broker = new ModelBroker(runtime)
  const one = await member(broker)
  await runtime.settle()
  return { runtime, broker, one }
}

const send = (from: Member, id: string): Promise<unknown> =>
  from.transport.send([{ message: message(id, { key: 'a' }), to: orders }])

test('every delivery has the token of its owner, which is larger than those before', async () => {
  const { runtime, broker, one } = await start()
  const tokens: (number | undefined)[] = []
  let last = one
  for (const how of ['cut', 'close', 'closeSubscription', 'end'] as const) {
    await send(last, how)
    await runtime.settle()
    tokens.push(last.got.find(({ message: { id } }) => id === how)?.fencing)
    last.subscription.settle(last.got.map((delivery) => ({ delivery, action: 'ack' })))
    await runtime.settle()
    if (how === 'cut') last.engine.cut()
    else if (how === 'close') await last.transport.close(0)
    else if (how === 'closeSubscription') await last.subscription.close(0)
    last = await member(broker)
    await runtime.settle()
  }
  expect(tokens[0]).toBeGreaterThanOrEqual(runtime.now() - 1_000)
  expect(tokens).toEqual([0, 1, 2, 3].map((n) => (tokens[0] as number) + n))
})

test('a token that lies in the lane is no message that waits', async () => {
  const { runtime, broker, one } = await start()
  const depth = async (): Promise<number | undefined> => (await one.transport.inspect()).groups[0]?.depth
  expect(await depth()).toBe(0)
  await send(one, '1')
  await runtime.settle()
  await one.subscription.close(0)
  await runtime.settle()
  expect(broker.queues.get(LANE)?.ready.length).toBe(1)
  expect(await depth()).toBe(1)
})

test('tokens go on growing when the lane was purged while nobody owned it', async () => {
  const { runtime, broker, one } = await start()
  await send(one, '1')
  await runtime.settle()
  const before = one.got[0]?.fencing ?? 0
  await one.subscription.close(0)
  broker.queues.get(LANE)?.ready.splice(0)
  await runtime.advance(1_000)
  const next = await member(broker)
  await runtime.settle()
  expect(next.got[0]?.fencing).toBeGreaterThan(before)
})

test('a token is renewed before the broker could take it back, and the old one thrown away', async () => {
  const runtime = virtualRuntime()
  const broker = new ModelBroker(runtime)
  broker.settleWithinMs = 40_000
  const one = await member(broker)
  await runtime.settle()
  const tokens = (): readonly (string | undefined)[] => broker.messages(LANE).map(markerIn)
  const before = tokens()
  await runtime.advance(9_000)
  expect(tokens()).toEqual(before)
  await runtime.advance(2_000)
  await runtime.settle()
  const renewed = tokens()
  expect([renewed.length, renewed[0] === before[0]]).toEqual([1, false])
  await runtime.advance(30_000)
  await runtime.settle()
  expect(tokens().length).toBe(1)
  expect(one.events.filter(({ type }) => type === 'subscription-lost')).toEqual([])
})

test('an owner that was put aside without a word lets go as soon as it sees the token of another', async () => {
  const { runtime, broker, one } = await start()
  await send(one, '1')
  await runtime.settle()
  const before = one.got[0]?.fencing ?? 0
  const theirs = tokenMessage({ marker: 'other/2', value: before + 5 }, 0)
  const publication = { exchange: '', routingKey: LANE, message: theirs, mandatory: true, persistent: true }
  await broker.engine().connect()
  broker.route(publication)
  // Its handlers have 30 seconds.
  await runtime.advance(32_000)
  await runtime.settle()
  expect(one.events.map(({ type }) => type)).toContain('subscription-lost')
  expect(one.events.at(-1)).toMatchObject({ type: 'subscription-restored' })
  expect(one.got.length).toBe(2)
  expect(one.got[1]?.fencing).toBeGreaterThan(before + 5)
})

test('a token is a marker, too, to owners that know none: they throw it away', () => {
  const token = { marker: 'someone/2', value: 1_700_000_000_000 }
  expect(tokenIn(tokenMessage(token, 0))).toEqual(token)
  expect(markerIn(tokenMessage(token, 0))).toBe(token.marker)
})
