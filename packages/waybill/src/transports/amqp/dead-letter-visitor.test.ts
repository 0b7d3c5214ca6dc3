// What a broker does to a visit on its worst day; what it does on others, the conformance suite shows.
import { expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { DeadLetterDecision, DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import { channel, group, message } from '../../transport/fixtures.test-support.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import { AmqpTransport } from './amqp-transport.ts'
import { ModelBroker, type ModelEngine } from './model-engine.test-support.ts'

const orders = channel('events', 'orders')
const shipping = group(orders, 'shipping')
const DEAD = 'orders:shipping:dead'

interface Bench {
  readonly runtime: VirtualRuntime
  readonly broker: ModelBroker
  readonly engine: ModelEngine
  readonly transport: AmqpTransport
}

/** A group in whose dead-letter queue these messages lie. */
async function bench(...ids: readonly string[]): Promise<Bench> {
  const runtime = virtualRuntime()
  const broker = new ModelBroker(runtime)
  const engine = broker.engine()
  const transport = new AmqpTransport(engine, runtime)
  await transport.connect(new AbortController().signal)
  await transport.declare({ channels: [orders], groups: [shipping] })
  for (const id of ids)
    broker.route({ exchange: '', routingKey: DEAD, message: message(id), mandatory: true, persistent: true })
  await runtime.settle()
  return { runtime, broker, engine, transport }
}

const redrive = (each: WireMessage): DeadLetterDecision => ({ action: 'redrive', message: each })
const visitWith = (decide: DeadLetterVisit['decide'], batch = 10): DeadLetterVisit => ({ limit: 100, batch, decide })
const redriveAll = visitWith((letters) => Promise.resolve(letters.map(redrive)))

/** The outcome, while the clock moves on. */
async function outcomeOf({ runtime }: Bench, visit: Promise<void>): Promise<unknown> {
  let outcome: unknown
  const ended = visit.then(
    () => (outcome = 'resolved'),
    (error: unknown) => (outcome = error),
  )
  for (let n = 0; n < 100 && outcome === undefined; n++) await runtime.advance(100)
  await ended
  return outcome
}

test('what the broker refuses stays a dead letter, the others go, and the visit says so', async () => {
  const b = await bench('1', '2', '3')
  b.broker.fault = ({ message: { id } }) => (id === '2' ? 'refused' : undefined)
  const outcome = await outcomeOf(b, b.transport.visitDeadLetters(shipping, redriveAll))
  expect(outcome).toMatchObject({ code: 'WAYBILL_REFUSED' })
  expect(b.broker.ids('orders:shipping')).toEqual(['1', '3'])
  expect(b.broker.ids(DEAD)).toEqual(['2'])
})

test('a letter whose new place is unknown is there still: it may come twice, and is not lost', async () => {
  const b = await bench('1', '2')
  b.broker.fault = ({ message: { id } }) => (id === '1' ? 'unknown' : undefined)
  const outcome = await outcomeOf(b, b.transport.visitDeadLetters(shipping, redriveAll))
  expect(outcome).toMatchObject({ code: 'WAYBILL_OUTCOME_UNKNOWN' })
  expect(b.broker.ids('orders:shipping')).toEqual(['1', '2'])
  expect(b.broker.ids(DEAD)).toEqual(['1'])
})

test('where the queue of the group is gone, nothing is redriven into nowhere', async () => {
  const b = await bench('1', '2')
  await b.engine.deleteQueue('orders:shipping')
  const outcome = await outcomeOf(b, b.transport.visitDeadLetters(shipping, redriveAll))
  expect(outcome).toMatchObject({ code: 'WAYBILL_UNROUTABLE' })
  expect(b.broker.ids(DEAD)).toEqual(['1', '2'])
})

test('a link that is cut ends the visit, and every letter is where it was', async () => {
  const b = await bench('1', '2', '3', '4')
  const cut = visitWith((letters) => {
    b.engine.cut()
    return Promise.resolve(letters.map(redrive))
  }, 2)
  expect(await outcomeOf(b, b.transport.visitDeadLetters(shipping, cut))).toBeInstanceOf(Error)
  expect(b.broker.ids(DEAD)).toEqual(['1', '2', '3', '4'])
  expect(b.broker.ids('orders:shipping')).toEqual([])
  b.engine.restore()
  await b.runtime.settle()
  expect(await outcomeOf(b, b.transport.visitDeadLetters(shipping, redriveAll))).toBe('resolved')
  expect(b.broker.ids('orders:shipping')).toEqual(['1', '2', '3', '4'])
})

test('close() ends a visit that waits for its visitor', async () => {
  const b = await bench('1')
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const visiting = b.transport.visitDeadLetters(
    shipping,
    visitWith(async (letters) => {
      resolve()
      await new Promise<void>((later) => void b.runtime.setTimer(1_000, later))
      return letters.map(redrive)
    }),
  )
  await asked
  void b.transport.close(0)
  expect(await outcomeOf(b, visiting)).toMatchObject({ code: 'WAYBILL_CLOSED' })
  expect(b.broker.ids(DEAD)).toEqual(['1'])
})

test('a queue that others hold the letters of ends the visit, after a moment', async () => {
  const b = await bench('1', '2')
  const held: WireMessage[] = []
  const { promise: goOn, resolve } = Promise.withResolvers<void>()
  const holding = b.transport.visitDeadLetters(
    shipping,
    visitWith(async (letters) => {
      held.push(...letters)
      await goOn
      return []
    }),
  )
  await b.runtime.settle()
  expect(held).toHaveLength(2)
  expect(await outcomeOf(b, b.transport.visitDeadLetters(shipping, redriveAll))).toBe('resolved')
  resolve()
  expect(await outcomeOf(b, holding)).toBe('resolved')
  expect(b.broker.ids(DEAD)).toEqual(['1', '2'])
})

test('a visit refuses another number of shards, and numbers that are none', async () => {
  const b = await bench('1')
  const sharded = { ...shipping, channel: { ...orders, shards: 4 } }
  await expect(b.transport.visitDeadLetters(sharded, redriveAll)).rejects.toMatchObject({
    code: 'WAYBILL_TOPOLOGY_CONFLICT',
  })
  for (const wrong of [{ limit: 0 }, { batch: 0 }, { batch: 1.5 }, { limit: Infinity }])
    await expect(b.transport.visitDeadLetters(shipping, { ...redriveAll, ...wrong })).rejects.toThrow(TypeError)
  expect(b.broker.ids(DEAD)).toEqual(['1'])
})
