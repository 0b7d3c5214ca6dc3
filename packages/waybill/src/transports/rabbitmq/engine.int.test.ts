import { afterEach, expect, test, vi } from 'vitest'
import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { AmqpConsumer, AmqpDelivery, Publication } from '../amqp/engine.ts'
import { RabbitmqEngine } from './engine.ts'

const URL_OF_BROKER = process.env['WAYBILL_RABBITMQ_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672'
const runtime = systemRuntime()
const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

test('publish() confirms, and consume() hands over what was published, in order', async () => {
  const engine = await connected()
  const queue = await durableQueue(engine)
  const inbox = await consuming(engine, queue, 10)
  const results = await engine.publish(['a', 'b', 'c'].map((text) => publication(queue, text)))
  expect(results).toEqual([{ outcome: 'accepted' }, { outcome: 'accepted' }, { outcome: 'accepted' }])
  await inbox.until(3)
  expect(inbox.texts()).toEqual(['a', 'b', 'c'])
  inbox.consumer.ack(inbox.deliveries.map((each) => each.tag))
  await inbox.consumer.close()
  // The queue hears of the channel's end a moment later.
  await vi.waitFor(async () => expect(await engine.checkQueue(queue)).toEqual({ messages: 0, consumers: 0 }))
})

test('publish() answers unroutable for a mandatory message that no queue takes, in its place', async () => {
  const engine = await connected()
  const queue = await durableQueue(engine)
  const missing = `${queue}.missing`
  const results = await engine.publish([
    publication(queue, 'a'),
    { ...publication(missing, 'b'), mandatory: true },
    publication(missing, 'c'),
    { ...publication(missing, 'd'), mandatory: true },
    publication(queue, 'e'),
  ])
  expect(results.map((each) => each.outcome)).toEqual(['accepted', 'unroutable', 'accepted', 'unroutable', 'accepted'])
})

async function connected(): Promise<RabbitmqEngine> {
  const engine = new RabbitmqEngine({ url: URL_OF_BROKER, prefix: 'waybill-test.' }, runtime)
  await engine.connect(new AbortController().signal)
  cleanUps.push(() => engine.close(1_000))
  return engine
}

async function durableQueue(engine: RabbitmqEngine): Promise<string> {
  const name = `waybill-test.${runtime.newId()}`
  await engine.declareQueue({ name, life: 'durable' })
  cleanUps.push(() => engine.deleteQueue(name))
  return name
}

interface Inbox {
  readonly consumer: AmqpConsumer
  readonly deliveries: AmqpDelivery[]
  until(count: number): Promise<void>
  texts(): string[]
}

async function consuming(engine: RabbitmqEngine, queue: string, prefetch: number): Promise<Inbox> {
  const deliveries: AmqpDelivery[] = []
  let check = (): void => undefined
  const consumer = await engine.consume(
    { queue, prefetch },
    {
      deliver(batch) {
        deliveries.push(...batch)
        check()
      },
      cancelled: (error) => expect.fail(error.message),
    },
  )
  return {
    consumer,
    deliveries,
    until: (count) =>
      new Promise((resolve) => {
        check = () => deliveries.length >= count && resolve()
        check()
      }),
    texts: () => deliveries.map((each) => Buffer.from(each.message.body).toString()),
  }
}

function publication(queue: string, text: string): Publication {
  return { exchange: '', routingKey: queue, message: message(text), mandatory: false, persistent: true }
}

function message(text: string): WireMessage {
  return {
    id: runtime.newId(),
    source: '/test',
    type: 'test.said',
    kind: 'event',
    wireVersion: 1,
    time: runtime.now(),
    schemaVersion: 1,
    contentType: 'text/plain',
    replyTo: undefined,
    correlationId: undefined,
    causationId: undefined,
    expiresAt: undefined,
    key: undefined,
    sequence: undefined,
    traceparent: undefined,
    tracestate: undefined,
    attempt: 1,
    headers: NO_HEADERS,
    body: Buffer.from(text),
  }
}
