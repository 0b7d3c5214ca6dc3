import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Broker } from './broker.ts'
import { Publisher, Subscriber, exchangeDefinition, queueDefinition } from './broker.test-support.ts'
import { openBroker } from './open-broker.ts'
import { TypedField } from './wire/field-table.ts'

let dir: string
let broker: Broker

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-broker-'))
  broker = await openBroker({ dir, runtime: systemRuntime() })
})

afterEach(async () => {
  await broker.close()
  await rm(dir, { recursive: true })
})

/** Closes the broker and opens it again. */
async function restart(): Promise<void> {
  await broker.close()
  broker = await openBroker({ dir, runtime: systemRuntime() })
}

const wait = (done: (finished: (error: Error | undefined) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    done((error) => (error === undefined ? resolve() : reject(error)))
  })

const declared = (name: string, rest: Parameters<typeof queueDefinition>[1] = {}): Promise<void> =>
  wait((done) => void broker.root.declareQueue(queueDefinition(name, rest), broker.root.connect(), done))

describe('after a restart', () => {
  test('durable exchanges, queues and bindings are back, transient ones are not', async () => {
    const connection = broker.root.connect()
    const exchange = { type: 'topic', autoDelete: false, internal: false } as const
    await wait((done) =>
      broker.root.declareExchange({ ...exchange, name: 'lasting', durable: true }, broker.root.connect(), done),
    )
    broker.root.declareExchange({ ...exchange, name: 'passing', durable: false }, broker.root.connect())
    await declared('kept', { arguments: { maxLength: 7, overflow: 'reject-publish' } })
    await declared('gone', { durable: false })
    await wait((done) => broker.root.bind(connection, 'kept', 'lasting', 'a.#', undefined, done))
    await wait((done) => broker.root.bind(connection, 'kept', 'lasting', 'b', undefined, done))
    await wait((done) => broker.root.unbind(connection, 'kept', 'lasting', 'b', undefined, done))
    await restart()
    expect(broker.root.findQueue('kept')?.definition.arguments.maxLength).toBe(7)
    expect(broker.root.findQueue('gone')).toBeUndefined()
    expect(() => broker.root.requireExchange('passing')).toThrow(/no exchange 'passing'/)
    const publisher = new Publisher(broker.root, 'lasting')
    expect(await publisher.send('a.x', 'routed')).toBe('accepted')
    expect(await publisher.send('b', 'unbound')).toBe('unroutable')
  })

  test('bindings between durable exchanges are back, those that went stay away', async () => {
    const connection = broker.root.connect()
    await declared('q')
    for (const name of ['a', 'b', 'c', 'd'])
      broker.root.declareExchange(exchangeDefinition(name), broker.root.connect())
    broker.root.declareExchange(exchangeDefinition('passing', { durable: false }), broker.root.connect())
    broker.root.bind(connection, 'q', 'd', '#')
    broker.root.bindExchange(connection, 'd', 'a', 'k', { note: 'kept' })
    broker.root.bindExchange(connection, 'd', 'b', 'k')
    broker.root.unbindExchange(connection, 'd', 'b', 'k')
    broker.root.bindExchange(connection, 'd', 'passing', 'k')
    broker.root.bindExchange(connection, 'c', 'b', 'k')
    broker.root.bind(connection, 'q', 'c', '#')
    await wait((done) => broker.root.deleteExchange('c', broker.root.connect(), false, done))
    await restart()
    broker.root.declareExchange(exchangeDefinition('c'), broker.root.connect())
    broker.root.bind(broker.root.connect(), 'q', 'c', '#')
    const outcomes = ['a', 'b'].map((name) => new Publisher(broker.root, name).send('k', 'm'))
    expect(await Promise.all(outcomes)).toEqual(['accepted', 'unroutable'])
    broker.root.unbindExchange(broker.root.connect(), 'd', 'a', 'k', { note: 'kept' })
    expect(await new Publisher(broker.root, 'a').send('k', 'm')).toBe('unroutable')
  })

  test('a binding to what was transient does not come back with a durable namesake', async () => {
    broker.root.declareExchange(exchangeDefinition('x'), broker.root.connect())
    broker.root.declareExchange(exchangeDefinition('y', { durable: false }), broker.root.connect())
    await declared('q', { durable: false })
    broker.root.bind(broker.root.connect(), 'q', 'x', '#')
    broker.root.bindExchange(broker.root.connect(), 'y', 'x', '#')
    await restart()
    await declared('q')
    broker.root.declareExchange(exchangeDefinition('y'), broker.root.connect())
    broker.root.bind(broker.root.connect(), 'q', 'y', '#')
    await restart()
    expect(await new Publisher(broker.root, 'x').send('k', 'm')).toBe('unroutable')
  })

  test('persistent messages are back in order, transient and settled ones are not', async () => {
    await declared('q')
    const publisher = new Publisher(broker.root)
    await Promise.all(['1', '2', '3', '4'].map((text) => publisher.send('q', text)))
    await publisher.send('q', 'transient', { persistent: false })
    const before = new Subscriber(broker.root, 'q', { prefetch: 2 })
    await vi.waitFor(() => expect(before.texts).toEqual(['1', '2']))
    before.ack('1')
    await restart()
    const after = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(after.texts).toEqual(['2', '3', '4']))
    // '2' was handed out before the close, the others never were.
    expect(after.deliveryCounts).toEqual([2, 1, 1])
  })

  test('a backlog longer than what is kept in memory comes back whole and in order', async () => {
    await declared('q')
    const publisher = new Publisher(broker.root)
    const texts = Array.from({ length: 3_000 }, (_, n) => String(n))
    await Promise.all(texts.map((text) => publisher.send('q', text)))
    await restart()
    const after = new Subscriber(broker.root, 'q', { prefetch: 100, ackAll: true })
    await vi.waitFor(() => expect(after.texts.length).toBe(3_000), 10_000)
    expect(after.texts).toEqual(texts)
  })

  test('delayed messages are still delayed, then routed when each is due', async () => {
    await declared('q')
    const publisher = new Publisher(broker.root)
    await publisher.send('q', 'later', { delayMs: 250 })
    await publisher.send('q', 'sooner', { delayMs: 150 })
    await restart()
    expect(broker.root.findQueue('q')?.ready).toBe(0)
    const subscriber = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(subscriber.texts).toEqual(['sooner', 'later']))
  })

  test('messages of a delayed exchange are still delayed, then routed in order, once', async () => {
    await declared('q')
    await declared('copied')
    const later = { type: 'x-delayed-message', delayedType: 'fanout' } as const
    broker.root.declareExchange(exchangeDefinition('later', later), broker.root.connect())
    await wait((done) => broker.root.bind(broker.root.connect(), 'q', 'later', '', undefined, done))
    const texts = Array.from({ length: 600 }, (_, n) => String(n))
    const headers = { 'x-delay': TypedField.number('I', 300), BCC: ['copied'] }
    await Promise.all(texts.map((text) => new Publisher(broker.root, 'later').send('k', text, { headers })))
    await restart()
    expect(broker.root.exchangeDefinition('later')).toMatchObject(later)
    expect(broker.root.findQueue('q')?.ready).toBe(0)
    await vi.waitFor(() => expect(broker.root.findQueue('q')?.ready).toBe(600), 5_000)
    await restart()
    const subscriber = new Subscriber(broker.root, 'q', { ackAll: true })
    await vi.waitFor(() => expect(subscriber.texts.length).toBe(600))
    expect(subscriber.texts).toEqual(texts)
    expect(Object.keys(subscriber.headers('0'))).toEqual(['x-delay'])
  })

  test('a dead letter is in the dead-letter queue alone', async () => {
    await declared('dead')
    await declared('q', { arguments: { deadLetterExchange: '', deadLetterRoutingKey: 'dead' } })
    await new Publisher(broker.root).send('q', 'bad')
    const subscriber = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(subscriber.texts).toEqual(['bad']))
    subscriber.reject('bad')
    await restart()
    expect(broker.root.findQueue('q')?.ready).toBe(0)
    expect(broker.root.findQueue('dead')?.ready).toBe(1)
  })

  test('what a full queue drops is read from disk, and dead-lettered once', async () => {
    await declared('dead')
    const toDead = { deadLetterExchange: '', deadLetterRoutingKey: 'dead' }
    await declared('q', { arguments: { ...toDead, maxLength: 3 } })
    await Promise.all(['1', '2', '3'].map((text) => new Publisher(broker.root).send('q', text)))
    await restart()
    await Promise.all(['4', '5'].map((text) => new Publisher(broker.root).send('q', text)))
    const [dead, rest] = [new Subscriber(broker.root, 'dead'), new Subscriber(broker.root, 'q')]
    await vi.waitFor(() => expect(dead.texts.toSorted()).toEqual(['1', '2']))
    await vi.waitFor(() => expect(rest.texts).toEqual(['3', '4', '5']))
  })

  test('a message that has expired meanwhile is not handed out', async () => {
    await declared('q')
    const publisher = new Publisher(broker.root)
    await publisher.send('q', 'short', { ttlMs: 30 })
    await publisher.send('q', 'long', { ttlMs: 60_000 })
    await restart()
    await vi.waitFor(() => expect(broker.root.findQueue('q')?.ready).toBe(1))
    const after = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(after.texts).toEqual(['long']))
  })

  test('a deleted queue stays deleted, with its messages', async () => {
    await declared('q')
    await new Publisher(broker.root).send('q', '1')
    await wait((done) => void broker.root.deleteQueue('q', broker.root.connect(), {}, done))
    await restart()
    expect(broker.root.findQueue('q')).toBeUndefined()
    await declared('q')
    expect(broker.root.findQueue('q')?.ready).toBe(0)
  })
})

describe('after an unclean end', () => {
  /** The folder as it would be found if the process ended now. */
  async function crash(): Promise<void> {
    const copy = await mkdtemp(join(tmpdir(), 'waybill-broker-'))
    await cp(dir, copy, { recursive: true })
    await broker.close()
    await rm(dir, { recursive: true })
    dir = copy
    broker = await openBroker({ dir, runtime: systemRuntime() })
  }

  test('every confirmed message is there, and marked as perhaps handed out before', async () => {
    await declared('q')
    const publisher = new Publisher(broker.root)
    await Promise.all(['1', '2', '3'].map((text) => publisher.send('q', text)))
    await crash()
    const after = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(after.texts).toEqual(['1', '2', '3']))
    expect(after.deliveryCounts).toEqual([2, 2, 2])
  })

  test('a message that ends the process each time is counted each time, its successor is not', async () => {
    await declared('q')
    await new Publisher(broker.root).send('q', 'poison')
    await new Publisher(broker.root).send('q', 'harmless')
    for (let life = 1; life <= 4; life++) {
      const subscriber = new Subscriber(broker.root, 'q', { prefetch: 1 })
      await vi.waitFor(() => expect(subscriber.deliveryCounts).toEqual([life]))
      await crash()
    }
    const last = new Subscriber(broker.root, 'q', { ackAll: true })
    await vi.waitFor(() => expect(last.texts).toEqual(['poison', 'harmless']))
    expect(last.deliveryCounts).toEqual([5, 2])
  })

  test('what nobody took stays suspect over a clean end, and is counted no further for it', async () => {
    await declared('q')
    await new Publisher(broker.root).send('q', 'm')
    for (let round = 0; round < 3; round++) {
      await crash()
      await restart()
    }
    await new Publisher(broker.root).send('q', 'new')
    const after = new Subscriber(broker.root, 'q')
    await vi.waitFor(() => expect(after.texts).toEqual(['m', 'new']))
    expect(after.deliveryCounts).toEqual([2, 1])
  })
})

test('requeue() counts in the log before the message goes out again', async () => {
  await declared('q')
  await new Publisher(broker.root).send('q', 'm')
  const subscriber = new Subscriber(broker.root, 'q', { prefetch: 1 })
  for (let round = 1; round <= 3; round++) {
    await vi.waitFor(() => expect(subscriber.deliveryCounts.at(-1)).toBe(round))
    subscriber.requeue('m')
  }
  await vi.waitFor(() => expect(subscriber.deliveryCounts.at(-1)).toBe(4))
  await restart()
  const after = new Subscriber(broker.root, 'q')
  await vi.waitFor(() => expect(after.deliveryCounts).toEqual([5]))
})

test('publish() after close() is refused with WAYBILL_CLOSED', async () => {
  await declared('q')
  const publisher = new Publisher(broker.root)
  await broker.close()
  await expect(publisher.send('q', 'late')).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
})
