import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Broker } from '../../broker/broker.ts'
import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { AmqpDelivery, ConsumerEvents, Publication, QueueSpec } from '../amqp/engine.ts'
import { EmbeddedEngine } from './engine.ts'

let runtime: VirtualRuntime
let broker: Broker
let engine: EmbeddedEngine

beforeEach(async () => {
  runtime = virtualRuntime()
  broker = await Broker.open({ runtime })
  engine = await connected()
})

afterEach(async () => {
  await engine.close(0)
  await broker.close()
})

async function connected(): Promise<EmbeddedEngine> {
  const made = new EmbeddedEngine({ acquire: () => Promise.resolve(broker), release: () => Promise.resolve() })
  await made.connect(new AbortController().signal)
  return made
}

const durable = (name: string, rest: Partial<QueueSpec> = {}): QueueSpec => ({ name, life: 'durable', ...rest })

function message(id: string, rest: Partial<WireMessage> = {}): WireMessage {
  return {
    id,
    source: '/test',
    type: 'test.happened',
    kind: 'event',
    wireVersion: 1,
    time: 1_767_225_600_123,
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
    body: new TextEncoder().encode(id),
    ...rest,
  }
}

const to = (routingKey: string, id: string, rest: Partial<Publication> = {}): Publication => ({
  exchange: '',
  routingKey,
  message: message(id),
  mandatory: true,
  persistent: true,
  ...rest,
})

/** Collects what a consumer is handed. */
class Received implements ConsumerEvents {
  readonly deliveries: AmqpDelivery[] = []
  readonly cancellations: Error[] = []

  get ids(): readonly string[] {
    return this.deliveries.map((delivery) => delivery.message.id)
  }

  deliver(batch: readonly AmqpDelivery[]): void {
    this.deliveries.push(...batch)
  }

  cancelled(error: Error): void {
    this.cancellations.push(error)
  }
}

describe('publish()', () => {
  test('hands a message of this process on as it was sent, with a body of its own', async () => {
    await engine.declareQueue(durable('q'))
    const received = new Received()
    await engine.consume({ queue: 'q', prefetch: 10 }, received)
    const sent = to('q', 'm1')
    expect(await engine.publish([sent])).toEqual([{ outcome: 'accepted' }])
    sent.message.body.fill(0)
    await runtime.settle()
    expect(received.deliveries).toMatchObject([{ redelivered: false, deliveryCount: 1, routingKey: 'q' }])
    expect(received.deliveries[0]?.message).toEqual(message('m1'))
  })

  test('says unroutable of a mandatory message alone', async () => {
    expect(await engine.publish([to('nowhere', 'a'), to('nowhere', 'b', { mandatory: false })])).toEqual([
      { outcome: 'unroutable' },
      { outcome: 'accepted' },
    ])
  })

  test('refuses what goes to an exchange that does not exist, and goes on with the batch', async () => {
    await engine.declareQueue(durable('q'))
    expect(await engine.publish([to('k', 'a', { exchange: 'missing' }), to('q', 'b')])).toMatchObject([
      { outcome: 'refused', error: { code: 'WAYBILL_NOT_FOUND' } },
      { outcome: 'accepted' },
    ])
  })

  test('refuses for a full queue, and stores it nowhere', async () => {
    await engine.declareExchange({ name: 'all', type: 'fanout' })
    await engine.declareQueue(durable('small', { maxLength: 1 }))
    await engine.declareQueue(durable('large'))
    await engine.bindQueue('small', 'all', '')
    await engine.bindQueue('large', 'all', '')
    const results = await engine.publish([to('', 'a', { exchange: 'all' }), to('', 'b', { exchange: 'all' })])
    expect(results).toMatchObject([{ outcome: 'accepted' }, { outcome: 'refused', error: { code: 'WAYBILL_REFUSED' } }])
    expect(await engine.checkQueue('large')).toEqual({ messages: 1, consumers: 0 })
  })

  test('routes a delayed message when it is due, not before', async () => {
    await engine.declareQueue(durable('q'))
    await engine.publish([to('q', 'later', { delayMs: 5_000 }), to('q', 'now')])
    await runtime.advance(4_999)
    expect((await engine.checkQueue('q'))?.messages).toBe(1)
    await runtime.advance(1)
    expect((await engine.checkQueue('q'))?.messages).toBe(2)
  })
})

describe('consume()', () => {
  test('hands out at most the prefetch, and goes on after ack', async () => {
    await engine.declareQueue(durable('q'))
    await engine.publish(['1', '2', '3', '4', '5'].map((id) => to('q', id)))
    const received = new Received()
    const consumer = await engine.consume({ queue: 'q', prefetch: 2 }, received)
    await runtime.settle()
    expect(received.ids).toEqual(['1', '2'])
    consumer.ack([received.deliveries[0]?.tag ?? 0])
    await runtime.settle()
    expect(received.ids).toEqual(['1', '2', '3'])
    consumer.prefetch(3)
    await runtime.settle()
    expect(received.ids).toEqual(['1', '2', '3', '4'])
  })

  test('requeue() returns a message to its place, marked and counted', async () => {
    await engine.declareQueue(durable('q'))
    await engine.publish(['1', '2', '3'].map((id) => to('q', id)))
    const received = new Received()
    const consumer = await engine.consume({ queue: 'q', prefetch: 1 }, received)
    await runtime.settle()
    consumer.requeue([received.deliveries[0]?.tag ?? 0])
    await runtime.settle()
    expect(received.ids).toEqual(['1', '1'])
    expect(received.deliveries[1]).toMatchObject({ redelivered: true, deliveryCount: 2 })
    // The tag of the first delivery settles nothing any more.
    consumer.ack([received.deliveries[0]?.tag ?? 0])
    await runtime.settle()
    expect(received.ids).toEqual(['1', '1'])
  })

  test('close() lets the next single active consumer take over from the first unsettled message', async () => {
    await engine.declareQueue(durable('q', { singleActiveConsumer: true }))
    const [first, second] = [new Received(), new Received()]
    const active = await engine.consume({ queue: 'q', prefetch: 2 }, first)
    await engine.consume({ queue: 'q', prefetch: 10 }, second)
    await engine.publish(['1', '2', '3'].map((id) => to('q', id)))
    await runtime.settle()
    expect([first.ids, second.ids]).toEqual([['1', '2'], []])
    await active.close()
    await runtime.settle()
    expect(second.ids).toEqual(['1', '2', '3'])
  })

  test('tells the consumer when its queue is deleted', async () => {
    await engine.declareQueue(durable('q'))
    const received = new Received()
    await engine.consume({ queue: 'q', prefetch: 1 }, received)
    await engine.deleteQueue('q')
    expect(received.cancellations).toMatchObject([{ code: 'WAYBILL_SUBSCRIPTION_LOST' }])
    expect(await engine.checkQueue('q')).toBeUndefined()
  })
})

describe('close()', () => {
  test('deletes exclusive queues and returns the unsettled, and leaves other connections alone', async () => {
    const other = await connected()
    await engine.declareQueue(durable('shared'))
    await engine.declareQueue({ name: 'own', life: 'exclusive' })
    await other.declareQueue({ name: 'theirs', life: 'exclusive' })
    await expect(other.declareQueue({ name: 'own', life: 'exclusive' })).rejects.toMatchObject({ replyCode: 405 })
    await engine.publish([to('shared', '1')])
    await engine.consume({ queue: 'shared', prefetch: 1 }, new Received())
    await runtime.settle()
    expect((await other.checkQueue('shared'))?.messages).toBe(0)
    await engine.close(0)
    expect((await other.checkQueue('shared'))?.messages).toBe(1)
    expect(await other.checkQueue('own')).toBeUndefined()
    expect(await other.checkQueue('theirs')).toBeDefined()
    await expect(engine.checkQueue('shared')).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
  })

  test('inspect() of a consumer says whether its queue counts it, and what is ready', async () => {
    await engine.declareQueue(durable('q'))
    const [one, two] = [new Received(), new Received()]
    const consumer = await engine.consume({ queue: 'q', prefetch: 1 }, one)
    await engine.publish([to('q', '1'), to('q', '2'), to('q', '3')])
    await runtime.settle()
    expect(await consumer.inspect()).toEqual({ attached: true, ready: 2 })
    const other = await engine.consume({ queue: 'q', prefetch: 1 }, two)
    await consumer.close()
    expect([(await consumer.inspect()).attached, (await other.inspect()).attached]).toEqual([false, true])
    await engine.deleteQueue('q')
    await runtime.settle()
    expect((await other.inspect()).attached).toBe(false)
  })

  test('takes a shared transient queue with its last consumer', async () => {
    await engine.declareQueue({ name: 'shared', life: 'shared-transient' })
    const one = await engine.consume({ queue: 'shared', prefetch: 1 }, new Received())
    const two = await engine.consume({ queue: 'shared', prefetch: 1 }, new Received())
    await one.close()
    expect(await engine.checkQueue('shared')).toBeDefined()
    await two.close()
    expect(await engine.checkQueue('shared')).toBeUndefined()
  })
})

test('declareQueue() is idempotent, and refuses unequal arguments', async () => {
  await engine.declareQueue(durable('q', { maxLength: 5 }))
  await engine.declareQueue(durable('q', { maxLength: 5 }))
  await expect(engine.declareQueue(durable('q', { maxLength: 6 }))).rejects.toMatchObject({
    code: 'WAYBILL_TOPOLOGY_CONFLICT',
    replyText: expect.stringContaining("'q'") as string,
  })
})
