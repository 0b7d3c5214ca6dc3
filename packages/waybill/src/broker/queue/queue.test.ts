// Queues as their users see them, through the broker, in memory and on virtual time.
import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { virtualRuntime, type VirtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Broker } from '../broker.ts'
import { Publisher, Subscriber, queueDefinition } from '../broker.test-support.ts'
import type { Queue } from './queue.ts'
import type { QueueArguments } from './queue-definition.ts'
import type { VirtualHost } from '../virtual-host.ts'

/** How many messages a purge forgot, where it needs no more than this turn. */
function purged(queue: Queue): number | undefined {
  let messages: number | undefined
  queue.purge((count) => (messages = count))
  return messages
}

let runtime: VirtualRuntime
let host: VirtualHost
let publisher: Publisher

beforeEach(async () => {
  runtime = virtualRuntime()
  host = (await Broker.open({ runtime })).root
  publisher = new Publisher(host)
})

function declare(name: string, queueArguments: QueueArguments = {}): Queue {
  return host.declareQueue(queueDefinition(name, { arguments: queueArguments }), host.connect())
}

const sendAll = async (texts: readonly string[]): Promise<void> => {
  for (const text of texts) await publisher.send('q', text)
}

describe('consumers', () => {
  test('take turns, and one without credit is passed over', async () => {
    declare('q')
    const [a, b] = [new Subscriber(host, 'q', { prefetch: 1 }), new Subscriber(host, 'q')]
    await sendAll(['1', '2', '3', '4'])
    await runtime.settle()
    expect(a.texts).toEqual(['1'])
    expect(b.texts).toEqual(['2', '3', '4'])
    a.ack('1')
    await sendAll(['5', '6'])
    await runtime.settle()
    expect([a.texts.length, b.texts.length]).toEqual([2, 4])
  })

  test('keep their turns when one before them goes', async () => {
    declare('q')
    const [a, b, c] = [0, 1, 2].map(() => new Subscriber(host, 'q')) as [Subscriber, Subscriber, Subscriber]
    await sendAll(['1'])
    await runtime.settle()
    expect(a.texts).toEqual(['1'])
    a.ack('1')
    a.channel.close()
    await sendAll(['2', '3'])
    await runtime.settle()
    expect([b.texts, c.texts]).toEqual([['2'], ['3']])
  })

  test('are each told when the burst is over', async () => {
    const queue = declare('q')
    const subscribers = [0, 1, 2].map(() => new Subscriber(host, 'q', { ackAll: true }))
    await sendAll(['1', '2', '3', '4'])
    await runtime.settle()
    expect(subscribers.map(({ texts }) => texts.length)).toEqual([2, 1, 1])
    expect(queue.unsettled).toBe(0)
  })

  test('with less than no credit take nothing from that of others', async () => {
    declare('q', { maxLength: 1, overflow: 'reject-publish' })
    const subscriber = new Subscriber(host, 'q')
    const channel = host.connect().openChannel()
    const greedy = channel.consume('q', { tag: 'c', prefetch: 3, priority: 1 }, subscriber)
    await sendAll(['1', '2', '3'])
    await runtime.settle()
    subscriber.channel.prefetch = 1
    greedy.prefetch = 1
    await sendAll(['4', '5'])
    await expect(publisher.send('q', '6')).rejects.toMatchObject({ code: 'WAYBILL_REFUSED' })
  })

  test('without acknowledgement leave nothing unsettled', async () => {
    const queue = declare('q')
    const subscriber = new Subscriber(host, 'q', { noAck: true, prefetch: 1 })
    await sendAll(['1', '2', '3'])
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '3'])
    expect([queue.ready, queue.unsettled]).toEqual([0, 0])
    expect(subscriber.ack('1')).toBe(false)
  })

  test('of one channel share its prefetch', async () => {
    declare('q')
    const subscriber = new Subscriber(host, 'q')
    subscriber.channel.prefetch = 2
    await sendAll(['1', '2', '3'])
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2'])
    subscriber.ack('2')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '3'])
  })

  test('exclusive: refuse others, and are refused where others are', () => {
    declare('q')
    const first = new Subscriber(host, 'q', { exclusive: true })
    expect(() => new Subscriber(host, 'q')).toThrow(expect.objectContaining({ replyCode: 403 }) as Error)
    first.channel.close()
    const second = new Subscriber(host, 'q')
    expect(() => new Subscriber(host, 'q', { exclusive: true })).toThrow(/exclusive use/)
    second.channel.close()
  })

  test('single active: the next by registration takes over, from the first unsettled message on', async () => {
    declare('q', { singleActiveConsumer: true })
    const [a, b, c] = [0, 1, 2].map(() => new Subscriber(host, 'q', { prefetch: 2 })) as [
      Subscriber,
      Subscriber,
      Subscriber,
    ]
    await sendAll(['1', '2', '3'])
    await runtime.settle()
    expect([a.texts, b.texts, c.texts]).toEqual([['1', '2'], [], []])
    a.ack('1')
    a.channel.close()
    await runtime.settle()
    expect([b.texts, c.texts]).toEqual([['2', '3'], []])
    expect(b.deliveryCounts).toEqual([2, 1])
    b.channel.close()
    await runtime.settle()
    expect(c.texts).toEqual(['2', '3'])
  })

  test('single active: those of higher priority are next, but take nothing over from the active one', async () => {
    declare('q', { singleActiveConsumer: true })
    const a = new Subscriber(host, 'q', { prefetch: 1 })
    const b = new Subscriber(host, 'q', { prefetch: 1 })
    const urgent = new Subscriber(host, 'q', { prefetch: 1, priority: 5 })
    await sendAll(['1', '2'])
    await runtime.settle()
    expect([a.texts, b.texts, urgent.texts]).toEqual([['1'], [], []])
    a.channel.close()
    await runtime.settle()
    expect([b.texts, urgent.texts]).toEqual([[], ['1']])
  })

  test('single active: none is exclusive, and on a quorum queue basic.get is refused', () => {
    declare('q', { singleActiveConsumer: true, queueType: 'quorum' })
    expect(() => new Subscriber(host, 'q', { exclusive: true })).toThrow(/queue 'q' in vhost '\/' in exclusive use/)
    const channel = host.connect().openChannel()
    expect(() => channel.get('q', true)).toThrow(expect.objectContaining({ replyCode: 405 }) as Error)
  })

  test('of higher priority come first, as long as they have credit', async () => {
    declare('q')
    const low = new Subscriber(host, 'q', { priority: -1 })
    const [first, second] = [1, 1].map((priority) => new Subscriber(host, 'q', { priority, prefetch: 2 })) as [
      Subscriber,
      Subscriber,
    ]
    const middle = new Subscriber(host, 'q', { prefetch: 1 })
    await sendAll(['1', '2', '3', '4', '5', '6'])
    await runtime.settle()
    expect([first.texts, second.texts]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ])
    expect([middle.texts, low.texts]).toEqual([['5'], ['6']])
    first.channel.close()
    second.channel.cancel('c')
    await runtime.settle()
    expect(low.texts).toEqual(['6', '1', '3'])
  })

  test('cancel() leaves the unsettled with the channel', async () => {
    const queue = declare('q')
    const subscriber = new Subscriber(host, 'q', { prefetch: 1 })
    await sendAll(['1', '2'])
    await runtime.settle()
    subscriber.channel.cancel('c')
    expect([queue.ready, queue.unsettled, queue.consumers]).toEqual([1, 1, 0])
    expect(subscriber.ack('1')).toBe(true)
    expect(queue.unsettled).toBe(0)
  })
})

test('requeue() in any order: the next consumer sees what is left in the order of publishing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.record({ pick: fc.nat(), ack: fc.boolean() }), { maxLength: 12 }),
      async (count, settlements) => {
        const queue = declare('q')
        const texts = Array.from({ length: count }, (_, n) => String(n))
        await sendAll(texts)
        const first = new Subscriber(host, 'q', { prefetch: count })
        await runtime.settle()
        const left = new Set(texts)
        first.channel.cancel('c')
        for (const { pick, ack } of settlements) {
          const text = texts[pick % count] ?? ''
          if (ack ? first.ack(text) : (first.requeue(text), false)) left.delete(text)
        }
        first.channel.close()
        const second = new Subscriber(host, 'q')
        await runtime.settle()
        expect(second.texts).toEqual([...left])
        host.deleteQueue(queue.name, host.connect())
      },
    ),
    { numRuns: 40 },
  )
})

describe('time to live', () => {
  test('of a message and of the queue: the shorter one counts', async () => {
    const queue = declare('q', { messageTtlMs: 1_000 })
    await publisher.send('q', 'own', { ttlMs: 400 })
    await publisher.send('q', 'queue', { ttlMs: 5_000 })
    await runtime.advance(399)
    expect(queue.ready).toBe(2)
    await runtime.advance(1)
    expect(queue.ready).toBe(1)
    await runtime.advance(599)
    expect(queue.ready).toBe(1)
    await runtime.advance(1)
    expect(queue.ready).toBe(0)
  })

  test('ends at the head alone, and never hands out what is over', async () => {
    const queue = declare('q')
    await publisher.send('q', 'long', { ttlMs: 1_000 })
    await publisher.send('q', 'short', { ttlMs: 10 })
    await publisher.send('q', 'ever')
    await runtime.advance(500)
    expect(queue.ready).toBe(3)
    const subscriber = new Subscriber(host, 'q')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['long', 'ever'])
  })

  test('of a message that comes to the head as a limit drops those before it', async () => {
    const queue = declare('q', { maxLength: 1 })
    await publisher.send('q', 'ever')
    await runtime.settle()
    await publisher.send('q', 'short', { ttlMs: 10 })
    await runtime.advance(10)
    expect(queue.ready).toBe(0)
  })

  test('of a message that comes to the head as get() takes those before it', async () => {
    const queue = declare('q')
    await publisher.send('q', 'long', { ttlMs: 1_000 })
    await publisher.send('q', 'short', { ttlMs: 10 })
    await runtime.settle()
    host.connect().openChannel().get('q', true)
    await runtime.advance(10)
    expect(queue.ready).toBe(0)
  })

  test('that ends for very many at once leaves other queues their turns', async () => {
    const queue = declare('q', { messageTtlMs: 10 })
    declare('other')
    let left = -1
    const receive = (): void => void (left = queue.ready)
    const ignore = (): void => {}
    host.connect().openChannel().consume('other', { tag: 'c' }, { receive, flush: ignore, cancelled: ignore })
    runtime.setTimer(10, () => {
      queue.wake()
      void publisher.send('other', 'm')
    })
    for (let n = 0; n < 3_000; n++) void publisher.send('q', String(n))
    await runtime.advance(10)
    expect(left).toBeGreaterThan(1_000)
    expect(queue.ready).toBe(0)
  })

  test('does not begin again when a message comes back', async () => {
    const queue = declare('q', { messageTtlMs: 100 })
    await sendAll(['1'])
    const subscriber = new Subscriber(host, 'q')
    await runtime.advance(60)
    subscriber.channel.close()
    expect(queue.ready).toBe(1)
    await runtime.advance(40)
    expect(queue.ready).toBe(0)
  })

  test('of nothing is for a consumer that can take it now', async () => {
    const queue = declare('q')
    await publisher.send('q', 'nobody', { ttlMs: 0 })
    await runtime.settle()
    expect(queue.ready).toBe(0)
    const subscriber = new Subscriber(host, 'q')
    await publisher.send('q', 'somebody', { ttlMs: 0 })
    await runtime.settle()
    expect(subscriber.texts).toEqual(['somebody'])
  })

  test('of nothing is enough for as many as can be taken now, and ends when they come back', async () => {
    const queue = declare('q', { messageTtlMs: 0 })
    const subscriber = new Subscriber(host, 'q', { prefetch: 3 })
    await sendAll(['1', '2', '3', '4'])
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '3'])
    subscriber.requeue('2')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '3'])
    expect([queue.ready, queue.unsettled]).toEqual([0, 2])
  })

  test('of nothing ends behind messages that nobody can take now', async () => {
    declare('q')
    const subscriber = new Subscriber(host, 'q', { prefetch: 2 })
    await sendAll(['1', '2', '3'])
    await runtime.settle()
    await publisher.send('q', 'late', { ttlMs: 0 })
    subscriber.channel.ack(0, true)
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '3'])
  })

  test('of nothing ends with the consumer that it was for', async () => {
    const queue = declare('q', { messageTtlMs: 0 })
    const subscriber = new Subscriber(host, 'q')
    await sendAll(['1'])
    subscriber.channel.close()
    await runtime.settle()
    expect(queue.ready).toBe(0)
  })
})

describe('length limits', () => {
  test('drop-head keeps the newest, and counts ready messages alone', async () => {
    const queue = declare('q', { maxLength: 2 })
    const subscriber = new Subscriber(host, 'q', { prefetch: 1 })
    await sendAll(['1'])
    await runtime.settle()
    subscriber.channel.cancel('c')
    await sendAll(['2', '3', '4'])
    expect([queue.ready, queue.unsettled]).toEqual([2, 1])
    const next = new Subscriber(host, 'q')
    await runtime.settle()
    expect(next.texts).toEqual(['3', '4'])
  })

  test('by bytes of the bodies', async () => {
    const queue = declare('q', { maxLengthBytes: 10 })
    await sendAll(['aaaa', 'bbbb', 'cccc'])
    expect(queue.ready).toBe(2)
    await sendAll(['d'.repeat(11)])
    expect(queue.ready).toBe(0)
    await sendAll(['1234567890'])
    expect(queue.ready).toBe(1)
  })

  test('by bytes, those that came back included', async () => {
    const queue = declare('q', { maxLengthBytes: 10 })
    await sendAll(['aaaa', 'bbbb'])
    const subscriber = new Subscriber(host, 'q', { prefetch: 1 })
    await runtime.settle()
    subscriber.channel.close()
    await sendAll(['cccc'])
    expect(queue.ready).toBe(2)
  })

  test('drop-head passes over what a consumer can take', async () => {
    const queue = declare('q', { maxLength: 1 })
    const subscriber = new Subscriber(host, 'q', { prefetch: 2 })
    await sendAll(['1', '2', '3', '4', '5'])
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2'])
    expect(queue.ready).toBe(1)
    subscriber.ack('1')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2', '5'])
  })

  test('drop-head drops what comes back too', async () => {
    const queue = declare('q', { maxLength: 2 })
    const subscriber = new Subscriber(host, 'q', { prefetch: 2 })
    await sendAll(['1', '2', '3', '4'])
    await runtime.settle()
    subscriber.channel.close()
    await runtime.settle()
    expect(queue.ready).toBe(2)
    const next = new Subscriber(host, 'q')
    await runtime.settle()
    expect(next.texts).toEqual(['3', '4'])
  })

  test('reject-publish takes what a consumer can take', async () => {
    declare('q', { maxLength: 1, overflow: 'reject-publish' })
    const subscriber = new Subscriber(host, 'q', { prefetch: 2 })
    await sendAll(['1', '2', '3'])
    await expect(publisher.send('q', '4')).rejects.toMatchObject({ code: 'WAYBILL_REFUSED' })
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '2'])
  })

  test('reject-publish refuses, and takes again when there is room', async () => {
    declare('q', { maxLength: 1, overflow: 'reject-publish' })
    await sendAll(['1'])
    await expect(publisher.send('q', '2')).rejects.toMatchObject({ code: 'WAYBILL_REFUSED' })
    const subscriber = new Subscriber(host, 'q', { ackAll: true })
    await runtime.settle()
    await sendAll(['3'])
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1', '3'])
  })
})

describe('priorities', () => {
  const sendPriorities = async (...priorities: readonly (number | undefined)[]): Promise<void> => {
    for (const [n, priority] of priorities.entries()) {
      await publisher.send('q', `${priority ?? 'none'}#${n}`, priority === undefined ? {} : { priority })
    }
  }

  test('go first, capped, those without count as 0, in the order of publishing within one', async () => {
    const queue = declare('q', { maxPriority: 5 })
    await sendPriorities(undefined, 1, 9, 0, 5, 1)
    expect(queue.ready).toBe(6)
    const subscriber = new Subscriber(host, 'q', { ackAll: true })
    await runtime.settle()
    expect(subscriber.texts).toEqual(['9#2', '5#4', '1#1', '1#5', 'none#0', '0#3'])
    expect([queue.ready, queue.unsettled]).toEqual([0, 0])
  })

  test('mean nothing where the queue has none', async () => {
    declare('q', { maxPriority: 0 })
    await sendPriorities(1, 5)
    const subscriber = new Subscriber(host, 'q')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1#0', '5#1'])
  })

  test('what comes back goes to its place within its priority', async () => {
    declare('q', { maxPriority: 5 })
    await sendPriorities(1, 1)
    const first = new Subscriber(host, 'q', { prefetch: 1 })
    await runtime.settle()
    await sendPriorities(2)
    first.channel.close()
    const second = new Subscriber(host, 'q')
    await runtime.settle()
    expect(second.texts).toEqual(['2#0', '1#0', '1#1'])
    expect(second.deliveryCounts).toEqual([1, 2, 1])
  })

  test('the head, which expires and which a limit drops, is that of the highest', async () => {
    const queue = declare('q', { maxPriority: 5, maxLength: 2 })
    await publisher.send('q', 'low', { priority: 1, ttlMs: 10 })
    await publisher.send('q', 'high', { priority: 2, ttlMs: 50 })
    await runtime.advance(20)
    expect(queue.ready).toBe(2)
    await runtime.advance(30)
    expect(queue.ready).toBe(0)
    await sendPriorities(3, 1, 1)
    const subscriber = new Subscriber(host, 'q')
    await runtime.settle()
    expect(subscriber.texts).toEqual(['1#1', '1#2'])
  })

  test('purge() and delete() forget all of them', async () => {
    const queue = declare('q', { maxPriority: 5 })
    await sendPriorities(1, 2, 3)
    expect(purged(queue)).toBe(3)
    expect(queue.ready).toBe(0)
    await sendPriorities(1, 2, 3)
    expect(host.deleteQueue('q', host.connect())).toBe(3)
  })
})

describe('life of a queue', () => {
  test('x-expires: basic.get keeps it', async () => {
    declare('q', { expiresMs: 100 })
    const channel = host.connect().openChannel()
    await runtime.advance(90)
    expect(channel.get('q', true)).toBe('empty')
    await runtime.advance(99)
    expect(host.findQueue('q')).toBeDefined()
    await runtime.advance(1)
    expect(host.findQueue('q')).toBeUndefined()
  })

  test('delete() tells its consumers', async () => {
    declare('q')
    const subscriber = new Subscriber(host, 'q')
    host.deleteQueue('q', host.connect())
    expect(subscriber.cancellations).toMatchObject([{ replyCode: 404, code: 'WAYBILL_SUBSCRIPTION_LOST' }])
    declare('q')
    await sendAll(['1'])
    await runtime.settle()
    expect(subscriber.texts).toEqual([])
  })

  test('auto-delete: goes with its last consumer, not before the first', async () => {
    host.declareQueue(queueDefinition('q', { autoDelete: true }), host.connect())
    await runtime.settle()
    expect(host.findQueue('q')).toBeDefined()
    new Subscriber(host, 'q').channel.close()
    expect(host.findQueue('q')).toBeUndefined()
  })

  test('x-expires: goes when unused; consumers and declarations keep it', async () => {
    declare('q', { expiresMs: 100 })
    await runtime.advance(90)
    declare('q', { expiresMs: 100 })
    await runtime.advance(90)
    const subscriber = new Subscriber(host, 'q')
    await runtime.advance(500)
    expect(host.findQueue('q')).toBeDefined()
    subscriber.channel.close()
    await runtime.advance(99)
    expect(host.findQueue('q')).toBeDefined()
    await runtime.advance(1)
    expect(host.findQueue('q')).toBeUndefined()
  })

  test('purge() forgets the ready, not the unsettled', async () => {
    const queue = declare('q')
    const subscriber = new Subscriber(host, 'q', { prefetch: 1 })
    await sendAll(['1', '2', '3'])
    await runtime.settle()
    expect(purged(queue)).toBe(2)
    expect([queue.ready, queue.unsettled]).toEqual([0, 1])
    expect(subscriber.ack('1')).toBe(true)
  })

  test('get() takes one, and counts what is left', async () => {
    const queue = declare('q')
    await sendAll(['1', '2'])
    const channel = host.connect().openChannel()
    const taken = channel.get('q', false)
    expect(taken).toMatchObject({ tag: 1, deliveryCount: 1 })
    expect([queue.ready, queue.unsettled]).toEqual([1, 1])
    expect(channel.requeue(1)).toBe(true)
    expect(channel.get('q', true)).toMatchObject({ tag: 2, deliveryCount: 2 })
    expect([queue.ready, queue.unsettled]).toEqual([1, 0])
    expect(channel.get('q', true)).toMatchObject({ tag: 3 })
    expect(channel.get('q', true)).toBe('empty')
  })
})
