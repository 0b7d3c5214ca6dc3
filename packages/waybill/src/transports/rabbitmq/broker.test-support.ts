import { afterEach, expect } from 'vitest'
import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { RABBITMQ_URL } from '../../testing/rabbitmq-url.test-support.ts'
import type { BackOff } from '../../transport/back-off.ts'
import type { AmqpConsumer, AmqpDelivery, LinkEvent, Publication, QueueSpec } from '../amqp/engine.ts'
import type { BrokerAddresses } from './broker-address.ts'
import { RabbitmqEngine, type RabbitmqEngineSettings } from './engine.ts'
import { settingsOf } from './rabbitmq.ts'
import type { RabbitmqOptions } from './rabbitmq-options.ts'

/** Who uses it calls `skipUnlessThere(NO_RABBITMQ)`. */
export const BROKER_URL: string = RABBITMQ_URL === '' ? 'amqp://nowhere' : RABBITMQ_URL
export const runtime: ReturnType<typeof systemRuntime> = systemRuntime()
/** What everything of one test file is named after. */
export const PREFIX: string = `waybill-test.${runtime.newId()}.`

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const undo of cleanUps.splice(0).toReversed()) await undo()
})

export function cleanUp(undo: () => Promise<void>): void {
  cleanUps.push(undo)
}

export interface Connected {
  readonly engine: RabbitmqEngine
  readonly events: LinkEvent[]
}

export function connected(options: RabbitmqOptions = { url: BROKER_URL }): Promise<Connected> {
  return connectedBy(settingsOf({ prefix: PREFIX, ...options }))
}

export function connectedTo(addresses: BrokerAddresses, backOff?: BackOff): Promise<Connected> {
  return connectedBy({ addresses, options: { prefix: PREFIX }, backOff })
}

export async function connectedBy(settings: RabbitmqEngineSettings): Promise<Connected> {
  const engine = new RabbitmqEngine(settings, runtime)
  const events: LinkEvent[] = []
  engine.onLink((event) => events.push(event))
  await engine.connect(new AbortController().signal)
  cleanUp(() => engine.close(1_000))
  return { engine, events }
}

/** A queue of its own for one test. */
export async function queueOf(engine: RabbitmqEngine, spec: Partial<QueueSpec> = {}): Promise<string> {
  const name = `${PREFIX}${runtime.newId()}`
  await engine.declareQueue({ name, life: 'durable', ...spec })
  if (spec.life === 'exclusive') return name
  cleanUp(async () => {
    const { engine: other } = await connected()
    await other.deleteQueue(name)
    await other.close(1_000)
  })
  return name
}

export interface Inbox {
  readonly consumer: AmqpConsumer
  readonly deliveries: AmqpDelivery[]
  readonly batches: number[]
  readonly cancelled: Error[]
  /** Resolves when so many have come. */
  until(count: number): Promise<void>
  texts(): string[]
  tags(): number[]
}

export async function consuming(
  engine: RabbitmqEngine,
  queue: string,
  prefetch: number,
  more: { readonly noAck?: boolean } = {},
): Promise<Inbox> {
  const deliveries: AmqpDelivery[] = []
  const batches: number[] = []
  const cancelled: Error[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const consumer = await engine.consume(
    { queue, prefetch, ...more },
    {
      deliver(batch) {
        deliveries.push(...batch)
        batches.push(batch.length)
        for (const each of waiting) if (deliveries.length >= each.count) each.resolve()
      },
      cancelled: (error) => cancelled.push(error),
    },
  )
  return {
    consumer,
    deliveries,
    batches,
    cancelled,
    until: (count) =>
      new Promise((resolve) => {
        if (deliveries.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    texts: () => deliveries.map((each) => Buffer.from(each.message.body).toString()),
    tags: () => deliveries.map((each) => each.tag),
  }
}

export function publication(queue: string, text: string, more: Partial<Publication> = {}): Publication {
  return { exchange: '', routingKey: queue, message: message(text), mandatory: false, persistent: true, ...more }
}

export function message(text: string, more: Partial<WireMessage> = {}): WireMessage {
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
    ...more,
  }
}

export async function outcomes(engine: RabbitmqEngine, batch: readonly Publication[]): Promise<string[]> {
  return (await engine.publish(batch)).map((each) => each.outcome)
}

/** The queue holds so many ready messages, and so many consumers; it hears of both a moment later. */
export function holds(engine: RabbitmqEngine, queue: string, messages: number, consumers = 0): () => Promise<void> {
  return async () => {
    expect(await engine.checkQueue(queue)).toEqual({ messages, consumers })
  }
}
