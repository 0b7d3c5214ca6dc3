import { expect, test } from 'vitest'
import { failureRecord, readFailures } from '../../../message/failure.ts'
import { virtualRuntime, type VirtualRuntime } from '../../../runtime/virtual-runtime.ts'
import type { TransportEvent } from '../../../transport/transport-event.ts'
import type { Delivery, Subscription } from '../../../transport/transport.ts'
import { AmqpTransport } from '../amqp-transport.ts'
import { channel, group, message } from '../../../transport/fixtures.test-support.ts'
import { ModelBroker, type ModelEngine } from '../model-engine.test-support.ts'

const SHARDS = 4
const orders = channel('events', 'orders', SHARDS)
const shipping = group(orders, 'shipping', { ordered: true })
const failure = failureRecord(new Error('no'), 1, 1, 'shipping')

interface Member {
  readonly engine: ModelEngine
  readonly transport: AmqpTransport
  readonly events: TransportEvent[]
  readonly got: Delivery[]
  readonly subscription: Subscription
  ids(): readonly string[]
  take(id: string): Delivery
}

async function member(broker: ModelBroker, prefetch = 100, of = shipping): Promise<Member> {
  const engine = broker.engine()
  const transport = new AmqpTransport(engine, broker.runtime)
  const events: TransportEvent[] = []
  transport.onEvent((event) => void events.push(event))
  await transport.connect(new AbortController().signal)
  const got: Delivery[] = []
  const spec = { group: of, transient: false, prefetch }
  const subscription = await transport.subscribe(spec, (batch) => void got.push(...batch))
  return {
    engine, transport, events, got, subscription,
    ids: () => got.map((each) => each.message.id),
    take: (id) => {
      const at = got.findIndex((each) => each.message.id === id)
      if (at < 0) throw new Error(`${id} has not come`)
      return got.splice(at, 1)[0] as Delivery
    },
  } // prettier-ignore
}

async function start(prefetch?: number): Promise<{ runtime: VirtualRuntime; broker: ModelBroker; one: Member }> {
  const runtime = virtualRuntime()
  const broker = new ModelBroker(runtime)
  const one = await member(broker, prefetch)
  await runtime.settle()
  return { runtime, broker, one }
}

async function publish(to: Member, ...keyed: readonly string[]): Promise<void> {
  await to.transport.send(keyed.map((id) => ({ message: message(id, { key: id[0] as string }), to: orders })))
}

/** Tokens apart: each lane keeps one. */
function stored(broker: ModelBroker): readonly string[] {
  return [...broker.queues.keys()]
    .filter((name) => !name.includes('member'))
    .flatMap((name) => broker.ids(name))
    .filter((id) => id !== '')
    .toSorted()
}

const ascending = (a: number, b: number): number => a - b
const shardsOf = (events: readonly TransportEvent[], type: 'shard-assigned' | 'shard-revoked'): readonly number[] =>
  events.flatMap((event) => (event.type === type ? [event.shard] : []))

test('hands out one delivery per key at a time, other keys beside it', async () => {
  const { runtime, broker, one } = await start()
  expect(shardsOf(one.events, 'shard-assigned').toSorted(ascending)).toEqual([0, 1, 2, 3])
  await publish(one, 'a1', 'a2', 'b1', 'b2')
  await runtime.settle()
  expect(one.ids().toSorted()).toEqual(['a1', 'b1'])
  one.subscription.settle([{ delivery: one.take('a1'), action: 'ack' }])
  await runtime.settle()
  expect(one.ids().toSorted()).toEqual(['a2', 'b1'])
  one.subscription.settle(['a2', 'b1'].map((id) => ({ delivery: one.take(id), action: 'ack' })))
  await runtime.settle()
  one.subscription.settle([{ delivery: one.take('b2'), action: 'ack' }])
  await runtime.settle()
  expect(stored(broker)).toEqual([])
})

test('a failed message holds back its key until it is settled for good, and no other', async () => {
  const { runtime, broker, one } = await start()
  await publish(one, 'a1', 'a2', 'a3', 'b1')
  await runtime.settle()
  one.subscription.settle([{ delivery: one.take('a1'), action: 'retry', afterMs: 1_000, attempt: 2, failure }])
  await runtime.settle()
  await publish(one, 'b2')
  one.subscription.settle([{ delivery: one.take('b1'), action: 'ack' }])
  await runtime.settle()
  expect(one.ids()).toEqual(['b2'])
  await runtime.advance(1_000)
  expect(one.ids()).toEqual(['b2', 'a1'])
  const again = one.take('a1')
  expect(again.message.attempt).toBe(2)
  expect(readFailures(again.message.headers)).toEqual([failure])
  expect(Object.keys(again.message.headers).filter((name) => name.startsWith('waybill-lane'))).toEqual([])
  one.subscription.settle([{ delivery: again, action: 'reject', reason: 'failed', detail: 'no', failure }])
  await runtime.settle()
  for (const id of ['a2', 'a3']) {
    one.subscription.settle([{ delivery: one.take(id), action: 'ack' }])
    await runtime.settle()
  }
  expect(broker.ids('orders:shipping:dead')).toEqual(['a1'])
  one.subscription.settle([{ delivery: one.take('b2'), action: 'ack' }])
  await runtime.settle()
  expect(stored(broker)).toEqual(['a1'])
})

test('a new owner goes on where the dead one stopped, its blocked keys included', async () => {
  const { runtime, broker, one } = await start()
  await publish(one, 'a1', 'a2', 'b1')
  await runtime.settle()
  one.subscription.settle([{ delivery: one.take('a1'), action: 'retry', afterMs: 60_000, attempt: 2, failure }])
  await runtime.settle()
  one.engine.cut()
  const two = await member(broker)
  await runtime.settle()
  expect(two.ids()).toEqual(['b1'])
  await runtime.advance(60_000)
  expect(two.ids()).toEqual(['b1', 'a1'])
  two.subscription.settle([{ delivery: two.take('a1'), action: 'ack' }])
  await runtime.settle()
  expect(two.ids()).toEqual(['b1', 'a2'])
})

test('members spread the shards, and let go of them in order', async () => {
  const { runtime, broker, one } = await start()
  await publish(one, 'a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1', 'h1')
  await runtime.settle()
  expect(one.got.length).toBe(8)
  const two = await member(broker)
  await runtime.advance(0)
  expect(two.got).toEqual([])
  expect(shardsOf(two.events, 'shard-assigned')).toEqual([])
  const moving = one.got.filter((each) => each.shard % 2 === 1).map((each) => each.message.id)
  one.subscription.settle(moving.map((id) => ({ delivery: one.take(id), action: 'ack' })))
  await runtime.settle()
  expect(shardsOf(one.events, 'shard-revoked').toSorted(ascending)).toEqual([1, 3])
  expect(shardsOf(two.events, 'shard-assigned').toSorted(ascending)).toEqual([1, 3])
  await publish(one, 'a2', 'b2', 'c2', 'd2', 'e2', 'f2', 'g2', 'h2')
  await runtime.settle()
  expect(two.got.length).toBeGreaterThan(0)
  expect(two.got.every((each) => each.shard % 2 === 1)).toBe(true)
})

/** The shards that a member says it owns, by what it has told so far. */
function owned(events: readonly TransportEvent[]): readonly number[] {
  const shards = new Set<number>()
  for (const event of events) {
    if (event.type === 'shard-assigned') shards.add(event.shard)
    else if (event.type === 'shard-revoked') shards.delete(event.shard)
  }
  return [...shards].toSorted(ascending)
}

test('members that join in the midst of a take-over: each says what it owns, and no shard is said twice', async () => {
  for (let turns = 0; turns < 60; turns++) {
    const { runtime, broker, one } = await start()
    const two = await member(broker)
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    const three = await member(broker)
    await runtime.settle()
    await runtime.advance(5_000)
    await runtime.settle()
    const all = [one, two, three].map(({ events }) => owned(events))
    expect(all.flat().toSorted(ascending), `third after ${turns} turns: ${JSON.stringify(all)}`).toEqual([0, 1, 2, 3])
  }
})

test('a member that dies without a word is missed, and its shards are taken over', async () => {
  const { runtime, broker, one } = await start()
  const two = await member(broker)
  await runtime.settle()
  expect(shardsOf(two.events, 'shard-assigned').length).toBe(2)
  one.engine.cut()
  await publish(two, 'a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1', 'h1')
  await runtime.advance(1_500)
  await runtime.settle()
  expect(two.got.length).toBe(8)
})

test('after a lost link the shards come back, and deliveries from before are ignored', async () => {
  const { runtime, broker, one } = await start()
  await publish(one, 'a1', 'a2')
  await runtime.settle()
  const old = one.take('a1')
  one.engine.cut()
  one.engine.restore()
  await runtime.settle()
  one.subscription.settle([{ delivery: old, action: 'ack' }])
  await runtime.settle()
  expect(one.ids()).toEqual(['a1'])
  one.subscription.settle([{ delivery: one.take('a1'), action: 'ack' }])
  await runtime.settle()
  expect(one.ids()).toEqual(['a2'])
  expect(stored(broker)).toEqual(['a2'])
})

test('the prefetch bounds deliveries over all shards, and flow() changes it', async () => {
  const { runtime, one } = await start(2)
  await publish(one, 'a1', 'b1', 'c1', 'd1', 'e1')
  await runtime.settle()
  expect(one.got.length).toBe(2)
  one.subscription.flow(4)
  await runtime.settle()
  expect(one.got.length).toBe(4)
})

test('a shard whose queue is deleted is taken up again', async () => {
  const { runtime, broker, one } = await start()
  for (let n = 0; n < SHARDS; n++) broker.drop(`orders:shipping:${n}`)
  await runtime.advance(1_000)
  await runtime.settle()
  await publish(one, 'a1', 'b1', 'c1')
  await runtime.settle()
  expect(one.ids().toSorted()).toEqual(['a1', 'b1', 'c1'])
  expect(one.events.map((event) => event.type)).toContain('subscription-restored')
})

test('close() waits for the unsettled, then leaves nothing of the member behind', async () => {
  const { runtime, broker, one } = await start()
  const two = await member(broker)
  await runtime.settle()
  await publish(one, 'a1', 'a2', 'b1', 'c1', 'd1')
  await runtime.settle()
  const mine = one.ids()
  const closing = one.subscription.close(1_000)
  await runtime.settle()
  one.subscription.settle(mine.map((id) => ({ delivery: one.take(id), action: 'ack' })))
  await closing
  await runtime.settle()
  const queues = [...broker.queues.keys()].filter((name) => name.includes(':member:'))
  expect(queues.length).toBe(1)
  expect(shardsOf(two.events, 'shard-assigned').toSorted(ascending)).toEqual([0, 1, 2, 3])
  await one.transport.close(0)
})

test('an expired message of an ordered channel becomes a dead letter, and its key goes on', async () => {
  const { runtime, broker, one } = await start()
  const expiresAt = runtime.now() + 10
  await one.transport.send([
    { message: message('a1', { key: 'a' }), to: orders },
    { message: message('a2', { key: 'a', expiresAt }), to: orders },
    { message: message('a3', { key: 'a' }), to: orders },
  ])
  await runtime.settle()
  await runtime.advance(10)
  one.subscription.settle([{ delivery: one.take('a1'), action: 'ack' }])
  await runtime.settle()
  expect(one.ids()).toEqual(['a3'])
  expect(broker.ids('orders:shipping:dead')).toEqual(['a2'])
})

test('a command with shards is ordered, and its sender may declare it first', async () => {
  const { runtime, broker, one } = await start()
  const place = channel('command', 'orders.place', 2)
  await one.transport.declare({ channels: [place], groups: [] })
  const send = (id: string): Promise<unknown> =>
    one.transport.send([{ message: message(id, { kind: 'command', key: 'k' }), to: place }])
  expect(await send('1')).toEqual([{ outcome: 'accepted' }])
  await send('2')
  const owner = await member(broker, 10, group(place, 'checkout'))
  await runtime.settle()
  expect(owner.ids()).toEqual(['1'])
})

test('a link lost while subscribing leaves neither a deaf subscription nor a timer', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { runtime, broker, one } = await start()
    const got: Delivery[] = []
    const mail = group(orders, 'mail', { ordered: true })
    const opening = one.transport.subscribe(
      { group: mail, transient: false, prefetch: 100 },
      (batch) => void got.push(...batch),
    )
    const opened = opening.then(() => true, () => false) // prettier-ignore
    for (let n = 0; n < turns; n++) await new Promise<void>((resolve) => runtime.defer(resolve))
    one.engine.cut()
    one.engine.restore()
    await runtime.advance(6_000)
    await runtime.settle()
    await publish(one, 'a1', 'b1')
    await runtime.settle()
    const wanted = (await opened) ? ['a1', 'b1'] : []
    expect(got.map((each) => each.message.id).toSorted(), `cut after ${turns} turns`).toEqual(wanted)
    await one.transport.close(0)
    expect(runtime.timers).toEqual([])
    expect(broker.queues.has('orders:shipping:0')).toBe(true)
  }
})
