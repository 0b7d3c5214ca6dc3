// Queues over a log in a temporary folder, on the system clock: what their messages are after the broker was closed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { Broker } from '../broker.ts'
import { Publisher, Subscriber, queueDefinition } from '../broker.test-support.ts'
import { openBroker } from '../open-broker.ts'
import type { QueueArguments } from './queue-definition.ts'

let dir: string
let broker: Broker

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waybill-queue-'))
  broker = await openBroker({ dir, runtime: systemRuntime() })
})

afterEach(async () => {
  await broker.close()
  await rm(dir, { recursive: true })
})

async function restart(): Promise<void> {
  await broker.close()
  broker = await openBroker({ dir, runtime: systemRuntime() })
}

const declare = (queueArguments: QueueArguments): void =>
  void broker.root.declareQueue(queueDefinition('q', { arguments: queueArguments }), broker.root.connect())

test('priorities are those of before, and so are order, deliveries and expiry', async () => {
  declare({ maxPriority: 9 })
  const publisher = new Publisher(broker.root)
  const sent = Array.from({ length: 700 }, (_, n) => ({ text: `${n % 4}#${n}`, priority: n % 4 }))
  await Promise.all(sent.map(({ text, priority }) => publisher.send('q', text, { priority })))
  await publisher.send('q', 'over', { priority: 9, ttlMs: 1 })
  const first = new Subscriber(broker.root, 'q', { prefetch: 2 })
  await vi.waitFor(() => expect(first.texts.filter((text) => text !== 'over')).not.toEqual([]))
  await restart()
  expect(broker.root.findQueue('q')?.ready).toBeGreaterThanOrEqual(700)
  const second = new Subscriber(broker.root, 'q')
  await vi.waitFor(() => expect(second.texts.filter((text) => text !== 'over')).toHaveLength(700))
  const expected = sent.toSorted((a, b) => b.priority - a.priority).map(({ text }) => text)
  expect(second.texts.filter((text) => text !== 'over')).toEqual(expected)
  expect(second.deliveryCounts[second.texts.indexOf('3#3')]).toBe(2)
  await new Publisher(broker.root).send('q', 'new', { priority: 2 })
  await vi.waitFor(() => expect(second.texts.at(-1)).toBe('new'))
})

test('their bytes count for the limit', async () => {
  declare({ maxLengthBytes: 10 })
  const publisher = new Publisher(broker.root)
  await publisher.send('q', 'aaaa')
  await publisher.send('q', 'bbbb')
  await restart()
  await new Publisher(broker.root).send('q', 'cccc')
  const subscriber = new Subscriber(broker.root, 'q')
  await vi.waitFor(() => expect(subscriber.texts).toEqual(['bbbb', 'cccc']))
})

test('more expired dead letters than are read at a time all reach their queue, in their order', async () => {
  declare({ deadLetterExchange: '', deadLetterRoutingKey: 'dead', messageTtlMs: 60 })
  broker.root.declareQueue(queueDefinition('dead'), broker.root.connect())
  const publisher = new Publisher(broker.root)
  const texts = Array.from({ length: 2_500 }, (_, n) => String(n))
  await Promise.all(texts.map((text) => publisher.send('q', text)))
  await restart()
  const dead = new Subscriber(broker.root, 'dead')
  await vi.waitFor(() => expect(dead.texts).toHaveLength(texts.length), { timeout: 10_000 })
  expect(dead.texts).toEqual(texts)
  expect(broker.root.findQueue('q')?.ready).toBe(0)
})

test('more messages with a life of nothing than are kept in memory all reach a consumer that can take them', async () => {
  declare({ messageTtlMs: 0 })
  const subscriber = new Subscriber(broker.root, 'q')
  const publisher = new Publisher(broker.root)
  const texts = Array.from({ length: 1_500 }, (_, n) => String(n))
  await Promise.all(texts.map((text) => publisher.send('q', text)))
  await vi.waitFor(() => expect(subscriber.texts).toEqual(texts))
})
