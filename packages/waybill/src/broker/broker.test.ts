import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../runtime/virtual-runtime.ts'
import { Broker, type BrokerEvent } from './broker.ts'
import { Publisher, Subscriber, exchangeDefinition as exchange, queueDefinition } from './broker.test-support.ts'

let runtime: VirtualRuntime
let broker: Broker

beforeEach(async () => {
  runtime = virtualRuntime()
  broker = await Broker.open({ runtime })
})

const declareQueue = (name: string): void => void broker.root.declareQueue(queueDefinition(name), broker.root.connect())

const replyError = (replyCode: number, name: string): Error =>
  expect.objectContaining({ replyCode, replyText: expect.stringContaining(name) as string }) as Error

describe('publish()', () => {
  test('puts one copy into each queue, however many bindings match', async () => {
    broker.root.declareExchange(exchange('x'), broker.root.connect())
    const connection = broker.root.connect()
    for (const name of ['a', 'b']) declareQueue(name)
    for (const key of ['k.*', 'k.#', '#']) broker.root.bind(connection, 'a', 'x', key)
    broker.root.bind(connection, 'b', 'x', 'k.1')
    await new Publisher(broker.root, 'x').send('k.1', 'm')
    expect([broker.root.findQueue('a')?.ready, broker.root.findQueue('b')?.ready]).toEqual([1, 1])
  })

  test('hands what an exchange cannot route to its alternate, along a chain and not in a circle', async () => {
    broker.root.declareExchange(exchange('x', { alternate: 'y' }), broker.root.connect())
    broker.root.declareExchange(exchange('y', { alternate: 'z' }), broker.root.connect())
    broker.root.declareExchange(exchange('z', { type: 'fanout' }), broker.root.connect())
    broker.root.declareExchange(exchange('round', { alternate: 'round' }), broker.root.connect())
    declareQueue('rest')
    broker.root.bind(broker.root.connect(), 'rest', 'z', '')
    expect(await new Publisher(broker.root, 'x').send('k', 'm')).toBe('accepted')
    expect(broker.root.findQueue('rest')?.ready).toBe(1)
    expect(await new Publisher(broker.root, 'round').send('k', 'm')).toBe('unroutable')
  })

  test('is refused by missing and internal exchanges', async () => {
    broker.root.declareExchange(exchange('inside', { internal: true }), broker.root.connect())
    await expect(new Publisher(broker.root, 'inside').send('k', 'm')).rejects.toMatchObject({ replyCode: 403 })
    await expect(new Publisher(broker.root, 'none').send('k', 'm')).rejects.toMatchObject({ replyCode: 404 })
  })

  test('with a delay: when due, in order of the instants, then of arrival; refused beyond a year', async () => {
    declareQueue('q')
    const publisher = new Publisher(broker.root)
    const subscriber = new Subscriber(broker.root, 'q')
    await publisher.send('q', 'c', { delayMs: 30 })
    await publisher.send('q', 'a', { delayMs: 10, persistent: false })
    await publisher.send('q', 'b', { delayMs: 10 })
    await publisher.send('q', 'now')
    await runtime.advance(9)
    expect(subscriber.texts).toEqual(['now'])
    await runtime.advance(1)
    expect(subscriber.texts).toEqual(['now', 'a', 'b'])
    await runtime.advance(20)
    expect(subscriber.texts).toEqual(['now', 'a', 'b', 'c'])
    const tooLong = publisher.send('q', 'x', { delayMs: 366 * 86_400_000 })
    await expect(tooLong).rejects.toMatchObject({ code: 'WAYBILL_LIMIT' })
    expect(await publisher.send('nowhere', 'x', { delayMs: 10 })).toBe('unroutable')
  })
})

test('publishers are told to stop above the high-water mark, and to go on below it', async () => {
  broker = await Broker.open({ runtime, memoryHighWaterBytes: 10_000 })
  const events: BrokerEvent['type'][] = []
  broker.onEvent((event) => events.push(event.type))
  declareQueue('q')
  const publisher = new Publisher(broker.root)
  for (let n = 0; n < 5; n++) await publisher.send('q', 'x'.repeat(1_000))
  expect([events, broker.blocked]).toEqual([[], undefined])
  for (let n = 0; n < 5; n++) await publisher.send('q', 'x'.repeat(1_000))
  expect(events).toEqual(['blocked'])
  expect(broker.blocked?.reason).toMatch(/memory/)
  const subscriber = new Subscriber(broker.root, 'q', { ackAll: true })
  await runtime.settle()
  expect(subscriber.texts.length).toBe(10)
  expect(events).toEqual(['blocked', 'unblocked'])
})

test('exclusive queues: of one connection, whose channels share them, and gone with it', () => {
  const [mine, other] = [broker.root.connect(), broker.root.connect()]
  broker.root.declareQueue(queueDefinition('own', { exclusive: true }), mine)
  expect(mine.queue('own').name).toBe('own')
  expect(() => other.queue('own')).toThrow(replyError(405, 'own'))
  expect(() => broker.root.deleteQueue('own', other)).toThrow(replyError(405, 'own'))
  expect(() => broker.root.declareQueue(queueDefinition('own'), other)).toThrow(replyError(405, 'own'))
  mine.close()
  expect(broker.root.findQueue('own')).toBeUndefined()
})

test('deleteQueue() heeds ifUnused and ifEmpty, and counts what was ready', async () => {
  declareQueue('q')
  const connection = broker.root.connect()
  await new Publisher(broker.root).send('q', '1')
  expect(() => broker.root.deleteQueue('q', connection, { ifEmpty: true })).toThrow(replyError(406, 'q'))
  const subscriber = new Subscriber(broker.root, 'q', { prefetch: 1 })
  expect(() => broker.root.deleteQueue('q', connection, { ifUnused: true })).toThrow(replyError(406, 'q'))
  subscriber.channel.close()
  expect(broker.root.deleteQueue('q', connection, { ifUnused: true })).toBe(1)
  expect(broker.root.deleteQueue('q', connection)).toBe(0)
})
