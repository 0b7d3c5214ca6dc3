import { afterEach, beforeEach, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, Subscriber, queueDefinition } from '../broker.test-support.ts'
import { newDisk, openSmall } from '../store/log.test-support.ts'
import type { SimulatedDisk } from '../store/simulated-files.ts'

const LARGE = 1024 * 1024

let runtime: VirtualRuntime
let disk: SimulatedDisk
let broker: Broker
/** Why publishers were held back, each time. */
let blocks: string[]

async function open(memoryHighWaterBytes: number): Promise<void> {
  const recovered = await openSmall(disk, {}, { segmentBytes: 4 * LARGE, firstSegmentBytes: 4 * LARGE })
  broker = await Broker.open({ runtime, recovered, memoryHighWaterBytes })
  blocks = []
  broker.onEvent((event) => {
    if (event.type === 'blocked') blocks.push(event.reason)
  })
}

beforeEach(() => {
  runtime = virtualRuntime()
  disk = newDisk()
})
afterEach(async () => {
  await broker.close()
})

function declare(name: string, deadLetterRoutingKey?: string): void {
  const dead = deadLetterRoutingKey === undefined ? {} : { deadLetterExchange: '', deadLetterRoutingKey }
  broker.root.declareQueue(queueDefinition(name, { arguments: dead }), broker.root.connect())
}

test('stored messages that were handed out are in the log alone, however many nobody settles; a reject finds them there', async () => {
  await open(LARGE / 4)
  declare('q', 'dead')
  declare('dead')
  const publisher = new Publisher(broker.root)
  const texts = Array.from({ length: 1_000 }, (_, n) => `${n}`.padEnd(1_000, '.'))
  const subscriber = new Subscriber(broker.root, 'q')
  await Promise.all(texts.map((text) => publisher.send('q', text)))
  await runtime.settle()
  expect(subscriber.texts).toEqual(texts)
  expect(blocks).toEqual([])
  subscriber.channel.reject(0, true)
  const dead = new Subscriber(broker.root, 'dead', { noAck: true })
  await runtime.settle()
  expect(dead.texts).toEqual(texts)
  expect(blocks).toEqual([])
})

test('a message that comes back is read again', async () => {
  await open(LARGE)
  declare('q')
  const subscriber = new Subscriber(broker.root, 'q')
  await new Publisher(broker.root).send('q', 'again', { headers: { h: 'x' } })
  await runtime.settle()
  subscriber.requeue('again')
  await runtime.settle()
  expect([subscriber.texts, subscriber.deliveryCounts]).toEqual([
    ['again', 'again'],
    [1, 2],
  ])
  expect(subscriber.headers('again')).toEqual({ h: 'x' })
})

test('large messages are read ahead only a few at a time', async () => {
  await open(LARGE)
  declare('q')
  const publisher = new Publisher(broker.root)
  const texts = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(200_000, '.'))
  for (const text of texts) await publisher.send('q', text)
  await broker.close()
  // Forty of them would be 8 MB.
  await open(2 * LARGE)
  const subscriber = new Subscriber(broker.root, 'q', { prefetch: 1 })
  await runtime.settle()
  for (const text of texts) {
    expect(subscriber.texts.at(-1)).toBe(text)
    subscriber.ack(text)
    await runtime.settle()
  }
  expect(blocks).toEqual([])
})

test('headers count as memory, as bodies do', async () => {
  await open(LARGE)
  declare('q')
  const publisher = new Publisher(broker.root)
  const headers = { large: 'h'.repeat(100_000) }
  for (let n = 0; n < 10; n++) await publisher.send('q', '', { persistent: false, headers })
  expect(blocks).toEqual([])
  await publisher.send('q', '', { persistent: false, headers })
  expect(blocks).toEqual(['too many messages are in memory'])
})
