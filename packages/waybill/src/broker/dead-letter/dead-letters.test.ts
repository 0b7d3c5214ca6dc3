import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, Subscriber, exchangeDefinition, queueDefinition } from '../broker.test-support.ts'
import type { QueueArguments } from '../queue/queue-definition.ts'
import { plainValue, type FieldTable, type FieldValue } from '../wire/field-table.ts'
import { decodeProperties } from '../wire/properties.ts'
import type { VirtualHost } from '../virtual-host.ts'

let runtime: VirtualRuntime
let host: VirtualHost
let publisher: Publisher

beforeEach(async () => {
  runtime = virtualRuntime({ start: Date.UTC(2026, 0, 1) })
  host = (await Broker.open({ runtime })).root
  publisher = new Publisher(host)
})

const declare = (name: string, queueArguments: QueueArguments = {}): void =>
  void host.declareQueue(queueDefinition(name, { arguments: queueArguments }), host.connect())

const toDead: QueueArguments = { deadLetterExchange: '', deadLetterRoutingKey: 'dead' }

/** `x-death` without the letters. */
function deaths(subscriber: Subscriber, text: string): readonly Record<string, unknown>[] {
  const history = subscriber.headers(text)['x-death'] as readonly FieldTable[]
  return history.map((entry) =>
    Object.fromEntries(Object.entries(entry).map(([name, value]: [string, FieldValue]) => [name, plainValue(value)])),
  )
}

describe('x-death', () => {
  test('says why, where and when, and keeps the headers', async () => {
    declare('q', toDead)
    declare('dead')
    await publisher.send('q', 'm', { headers: { mine: 'kept' } })
    const [subscriber, dead] = [new Subscriber(host, 'q'), new Subscriber(host, 'dead')]
    await runtime.settle()
    subscriber.reject('m')
    await runtime.settle()
    expect(dead.texts).toEqual(['m'])
    expect(deaths(dead, 'm')).toEqual([
      {
        count: 1,
        reason: 'rejected',
        queue: 'q',
        time: Date.UTC(2026, 0, 1) / 1_000,
        exchange: '',
        'routing-keys': ['q'],
      },
    ])
    expect(dead.headers('m')).toMatchObject({
      mine: 'kept',
      'x-first-death-queue': 'q',
      'x-first-death-reason': 'rejected',
      'x-first-death-exchange': '',
      'x-last-death-queue': 'q',
      'x-last-death-reason': 'rejected',
      'x-last-death-exchange': '',
    })
  })

  test('of an expired message has its expiration, which the message loses', async () => {
    declare('q', toDead)
    declare('dead')
    await publisher.send('q', 'm', { ttlMs: 50 })
    const dead = new Subscriber(host, 'dead')
    await runtime.advance(50)
    expect(deaths(dead, 'm')).toMatchObject([{ reason: 'expired', 'original-expiration': '50' }])
    expect(dead.messages.map((message) => decodeProperties(message.properties).expiration)).toEqual([undefined])
    await runtime.advance(1_000)
    expect(dead.cancellations).toEqual([])
  })

  test('counts per queue and reason, newest first', async () => {
    declare('q', { deadLetterExchange: '', deadLetterRoutingKey: 'wait' })
    declare('wait', { deadLetterExchange: '', deadLetterRoutingKey: 'q', messageTtlMs: 10 })
    await publisher.send('q', 'm')
    const subscriber = new Subscriber(host, 'q')
    for (let round = 0; round < 3; round++) {
      await runtime.advance(10)
      subscriber.reject('m')
    }
    await runtime.advance(10)
    expect(subscriber.texts.length).toBe(4)
    expect(deaths(subscriber, 'm')).toMatchObject([
      { queue: 'wait', reason: 'expired', count: 3 },
      { queue: 'q', reason: 'rejected', count: 3 },
    ])
  })
})

test('x-first-death is said with the first x-death, whatever a client has put there', async () => {
  declare('q', toDead)
  declare('dead')
  const dead = new Subscriber(host, 'dead')
  const subscriber = new Subscriber(host, 'q')
  await publisher.send('q', 'a', { headers: { 'x-first-death-queue': 'mine' } })
  await publisher.send('q', 'b', { headers: { 'x-death': 'a text', 'x-first-death-queue': 'mine' } })
  await runtime.settle()
  for (const text of ['a', 'b']) subscriber.reject(text)
  await runtime.settle()
  expect(dead.headers('a')['x-first-death-queue']).toBe('q')
  expect(dead.headers('b')['x-first-death-queue']).toBe('mine')
  expect(deaths(dead, 'b')).toMatchObject([{ queue: 'q', count: 1 }])
})

test('x-first-death and x-last-death: the first and the last', async () => {
  declare('q', { deadLetterExchange: '', deadLetterRoutingKey: 'wait' })
  declare('wait', { ...toDead, messageTtlMs: 10 })
  declare('dead')
  await publisher.send('q', 'm')
  const [subscriber, dead] = [new Subscriber(host, 'q'), new Subscriber(host, 'dead')]
  await runtime.settle()
  subscriber.reject('m')
  await runtime.advance(10)
  expect(dead.headers('m')).toMatchObject({
    'x-first-death-queue': 'q',
    'x-first-death-reason': 'rejected',
    'x-last-death-queue': 'wait',
    'x-last-death-reason': 'expired',
  })
})

describe('the header CC', () => {
  const copied = async (queueArguments: QueueArguments): Promise<Subscriber> => {
    host.declareExchange(
      { name: 'dlx', type: 'direct', durable: true, autoDelete: false, internal: false },
      host.connect(),
    )
    declare('q', queueArguments)
    for (const name of ['dead', 'copy', 'own']) declare(name)
    const connection = host.connect()
    host.bind(connection, 'dead', 'dlx', 'q')
    host.bind(connection, 'dead', 'dlx', 'copy')
    host.bind(connection, 'copy', 'dlx', 'copy')
    host.bind(connection, 'own', 'dlx', 'own')
    await publisher.send('q', 'm', { headers: { CC: ['copy', 'elsewhere'] } })
    const subscriber = new Subscriber(host, 'q')
    await runtime.settle()
    host.findQueue('copy')?.purge()
    subscriber.reject('m')
    await runtime.settle()
    return subscriber
  }
  const counts = (): readonly unknown[] => ['dead', 'copy', 'own'].map((name) => host.findQueue(name)?.ready)

  test('is kept, and routes the dead letter too, to each queue once', async () => {
    await copied({ deadLetterExchange: 'dlx' })
    expect(counts()).toEqual([1, 1, 0])
    const dead = new Subscriber(host, 'dead')
    await runtime.settle()
    expect(dead.headers('m')['CC']).toEqual(['copy', 'elsewhere'])
    expect(deaths(dead, 'm')).toMatchObject([{ 'routing-keys': ['q', 'copy', 'elsewhere'] }])
  })

  test('routes by name too, where the dead-letter exchange is the default one', async () => {
    declare('q', { deadLetterExchange: '' })
    declare('copy')
    await publisher.send('q', 'm', { headers: { CC: ['copy', 'copy', 'q'] } })
    const subscriber = new Subscriber(host, 'q', { prefetch: 1 })
    await runtime.settle()
    host.findQueue('copy')?.purge()
    subscriber.reject('m')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['m', 'm'])
    expect(host.findQueue('copy')?.ready).toBe(1)
  })

  test('goes where the queue has a routing key of its own', async () => {
    await copied({ deadLetterExchange: 'dlx', deadLetterRoutingKey: 'own' })
    expect(counts()).toEqual([0, 0, 1])
    const own = new Subscriber(host, 'own')
    await runtime.settle()
    expect(own.headers('m')['CC']).toBeUndefined()
    expect(deaths(own, 'm')).toMatchObject([{ 'routing-keys': ['q', 'copy', 'elsewhere'] }])
  })
})

describe('a message is dead-lettered', () => {
  test('that a full queue refuses, by reject-publish-dlx', async () => {
    declare('q', { ...toDead, maxLength: 1, overflow: 'reject-publish-dlx' })
    declare('dead')
    await publisher.send('q', '1')
    await expect(publisher.send('q', '2')).rejects.toMatchObject({ code: 'WAYBILL_REFUSED' })
    const dead = new Subscriber(host, 'dead')
    await runtime.settle()
    expect(dead.texts).toEqual(['2'])
    expect(deaths(dead, '2')).toMatchObject([{ reason: 'maxlen', queue: 'q' }])
    expect(host.findQueue('q')?.ready).toBe(1)
  })

  test('never for its deliveries where their limit is negative', async () => {
    declare('q', { ...toDead, deliveryLimit: -1 })
    declare('dead')
    await publisher.send('q', 'm')
    const subscriber = new Subscriber(host, 'q')
    for (let round = 0; round < 30; round++) {
      await runtime.settle()
      subscriber.requeue('m')
    }
    expect([host.findQueue('q')?.ready, host.findQueue('dead')?.ready]).toEqual([1, 0])
  })

  test('that the head of a full queue makes room for', async () => {
    declare('q', { ...toDead, maxLength: 1 })
    declare('dead')
    await publisher.send('q', '1')
    await publisher.send('q', '2')
    const dead = new Subscriber(host, 'dead')
    await runtime.settle()
    expect(deaths(dead, '1')).toMatchObject([{ reason: 'maxlen', queue: 'q' }])
    expect(host.findQueue('q')?.ready).toBe(1)
  })

  test('that came back more often than the delivery limit', async () => {
    declare('q', { ...toDead, deliveryLimit: 2 })
    declare('dead')
    await publisher.send('q', 'm')
    const [subscriber, dead] = [new Subscriber(host, 'q'), new Subscriber(host, 'dead')]
    for (let round = 0; round < 3; round++) {
      await runtime.settle()
      subscriber.requeue('m')
    }
    await runtime.settle()
    expect(subscriber.texts.length).toBe(3)
    expect(deaths(dead, 'm')).toMatchObject([{ reason: 'delivery_limit' }])
  })

  test('with its own routing key where the queue names none', async () => {
    host.declareExchange(
      { name: 'dlx', type: 'direct', durable: true, autoDelete: false, internal: false },
      host.connect(),
    )
    declare('q', { deadLetterExchange: 'dlx' })
    declare('dead')
    host.bind(host.connect(), 'dead', 'dlx', 'q')
    await publisher.send('q', 'm')
    const subscriber = new Subscriber(host, 'q')
    await runtime.settle()
    subscriber.reject('m')
    await runtime.settle()
    expect(host.findQueue('dead')?.ready).toBe(1)
  })
})

describe('a message is dropped', () => {
  test('when the dead-letter exchange is missing, or the queue has none', async () => {
    declare('q', { deadLetterExchange: 'missing' })
    declare('plain')
    await publisher.send('q', 'a')
    await publisher.send('plain', 'b')
    const subscribers = [new Subscriber(host, 'q'), new Subscriber(host, 'plain')]
    await runtime.settle()
    subscribers.forEach((subscriber) => subscriber.reject(subscriber.texts[0] ?? ''))
    await runtime.settle()
    for (const name of ['q', 'plain']) {
      expect([host.findQueue(name)?.ready, host.findQueue(name)?.unsettled]).toEqual([0, 0])
    }
  })

  test('when it would go round for ever by itself', async () => {
    declare('a', { deadLetterExchange: '', deadLetterRoutingKey: 'b', messageTtlMs: 10 })
    declare('b', { deadLetterExchange: '', deadLetterRoutingKey: 'a', messageTtlMs: 10 })
    await publisher.send('a', 'm')
    await runtime.advance(15)
    expect([host.findQueue('a')?.ready, host.findQueue('b')?.ready]).toEqual([0, 1])
    await runtime.advance(100)
    expect([host.findQueue('a')?.ready, host.findQueue('b')?.ready]).toEqual([0, 0])
  })
})

test('a dead letter enters a full queue, as refusing it would lose it', async () => {
  declare('q', toDead)
  declare('dead', { maxLength: 1, overflow: 'reject-publish' })
  await publisher.send('q', '1')
  await publisher.send('q', '2')
  const subscriber = new Subscriber(host, 'q')
  await runtime.settle()
  subscriber.reject('1')
  subscriber.reject('2')
  expect(host.findQueue('dead')?.ready).toBe(2)
})

test('a row of queues that keep nothing is passed without depth, and not for ever', async () => {
  const connection = host.connect()
  for (const [length, arrives] of [
    [100, 1],
    [200, 0],
  ] as const) {
    const next = (n: number): string => `${length}-${n}`
    for (let n = 0; n < length; n++) {
      const to = { deadLetterExchange: '', deadLetterRoutingKey: next(n + 1) }
      const keepsNothing = n % 2 === 0 ? { maxLength: 0 } : { messageTtlMs: 0 }
      host.declareQueue(queueDefinition(next(n), { arguments: { ...keepsNothing, ...to } }), connection)
    }
    host.declareQueue(queueDefinition(next(length)), connection)
    expect(await publisher.send(next(0), 'x')).toBe('accepted')
    await runtime.settle()
    expect(host.findQueue(next(length))?.ready).toBe(arrives)
  }
})

test('queues whose dead letters go to all of them do not stop the others', async () => {
  const connection = host.connect()
  host.declareExchange(exchangeDefinition('all', { type: 'fanout' }), connection)
  for (let n = 0; n < 7; n++) {
    const keepsNothing = { maxLength: 0, deadLetterExchange: 'all' }
    host.declareQueue(queueDefinition(`q${n}`, { arguments: keepsNothing }), connection)
    host.bind(connection, `q${n}`, 'all', '')
  }
  host.declareQueue(queueDefinition('other'), connection)
  // Seven factorial ways to die.
  void publisher.send('q0', 'x')
  const other = new Subscriber(host, 'other')
  await publisher.send('other', 'mine')
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => void setImmediate(resolve))
  expect(other.texts).toEqual(['mine'])
})
