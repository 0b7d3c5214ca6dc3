import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, Subscriber, queueDefinition } from '../broker.test-support.ts'
import type { Queue } from '../queue/queue.ts'
import type { VirtualHost } from '../virtual-host.ts'

let runtime: VirtualRuntime
let host: VirtualHost
let queue: Queue

beforeEach(async () => {
  runtime = virtualRuntime()
  host = (await Broker.open({ runtime })).root
  queue = host.declareQueue(queueDefinition('q'), host.connect())
})

const send = async (...texts: readonly string[]): Promise<void> => {
  for (const text of texts) await new Publisher(host).send('q', text)
  await runtime.settle()
}

describe('multiple', () => {
  test('settles all up to and including the tag, but for those settled before', async () => {
    const subscriber = new Subscriber(host, 'q')
    await send('1', '2', '3', '4')
    subscriber.ack('2')
    expect(subscriber.channel.ack(3, true)).toBe(true)
    expect(queue.unsettled).toBe(1)
    expect(subscriber.channel.ack(4)).toBe(true)
  })

  test('with tag 0 is everything, and no error where there is nothing', async () => {
    const subscriber = new Subscriber(host, 'q')
    await send('1', '2')
    expect(subscriber.channel.ack(0, true)).toBe(true)
    expect(queue.unsettled).toBe(0)
    expect(subscriber.channel.ack(0, true)).toBe(true)
    expect(subscriber.channel.ack(0)).toBe(false)
  })

  test('with a tag that is settled or was never given settles nothing', async () => {
    const subscriber = new Subscriber(host, 'q')
    await send('1', '2', '3')
    subscriber.ack('3')
    for (const tag of [3, 4]) {
      expect(subscriber.channel.ack(tag, true)).toBe(false)
      expect(subscriber.channel.requeue(tag, true)).toBe(false)
      expect(subscriber.channel.reject(tag, true)).toBe(false)
    }
    expect(queue.unsettled).toBe(2)
  })

  test('returns messages in the order of the queue, before those that wait', async () => {
    const first = new Subscriber(host, 'q', { prefetch: 3 })
    await send('1', '2', '3', '4')
    first.channel.cancel('c')
    first.ack('2')
    expect(first.channel.requeue(3, true)).toBe(true)
    const second = new Subscriber(host, 'q')
    await runtime.settle()
    expect(second.texts).toEqual(['1', '3', '4'])
    expect(second.deliveryCounts).toEqual([2, 2, 1])
  })
})

test('recover() returns everything that is unsettled', async () => {
  const subscriber = new Subscriber(host, 'q', { prefetch: 2 })
  await send('1', '2', '3')
  subscriber.channel.recover()
  await runtime.settle()
  expect(subscriber.texts).toEqual(['1', '2', '1', '2'])
  expect(subscriber.ack('1')).toBe(true)
  await runtime.settle()
  expect(subscriber.texts.at(-1)).toBe('3')
})

describe('isPaused', () => {
  test.each([false, true])('holds messages back until it ends; without acknowledgement: %s', async (noAck) => {
    const subscriber = new Subscriber(host, 'q', { noAck })
    subscriber.channel.isPaused = true
    await send('1')
    expect(subscriber.texts).toEqual([])
    subscriber.channel.isPaused = false
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1'])
  })

  test('leaves the messages to the consumers of other channels', async () => {
    const [paused, other] = [new Subscriber(host, 'q'), new Subscriber(host, 'q')]
    paused.channel.isPaused = true
    await send('1', '2')
    expect([paused.texts, other.texts]).toEqual([[], ['1', '2']])
  })
})

describe('prefetch', () => {
  test('of consumer and channel: `multiple` wakes whoever had no credit', async () => {
    const subscriber = new Subscriber(host, 'q', { prefetch: 2 })
    subscriber.channel.prefetch = 3
    await send('1', '2', '3', '4', '5', '6')
    expect(subscriber.texts).toEqual(['1', '2'])
    subscriber.channel.ack(0, true)
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '3', '4'])
    subscriber.channel.ack(4, true)
    await runtime.settle()
    expect(subscriber.texts.length).toBe(6)
  })

  test('raised and lowered while messages are unsettled', async () => {
    const subscriber = new Subscriber(host, 'q')
    subscriber.channel.prefetch = 3
    await send('1', '2', '3', '4', '5')
    subscriber.channel.prefetch = 1
    subscriber.channel.ack(2, true)
    await runtime.settle()
    expect(subscriber.texts.length).toBe(3)
    subscriber.channel.ack(3)
    await runtime.settle()
    expect(subscriber.texts.length).toBe(4)
    subscriber.channel.prefetch = 0
    await runtime.settle()
    expect(subscriber.texts.length).toBe(5)
  })

  test('does not limit get()', async () => {
    const channel = host.connect().openChannel()
    channel.prefetch = 1
    await send('1', '2')
    expect([channel.get('q', false), channel.get('q', false)]).toMatchObject([{ tag: 1 }, { tag: 2 }])
  })
})

test('a consumer tag in use is refused, and ends the connection', () => {
  const subscriber = new Subscriber(host, 'q')
  expect(() => subscriber.channel.consume('q', { tag: 'c' }, subscriber)).toThrow(
    expect.objectContaining({
      replyCode: 530,
      closes: 'connection',
      replyText: expect.stringContaining("'c'") as string,
    }) as Error,
  )
})
