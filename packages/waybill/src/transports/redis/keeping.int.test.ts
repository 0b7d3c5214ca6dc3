// What the server keeps, what it forgets, and what it says of that.
import { expect, test } from 'vitest'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { Delivery } from '../../transport/transport.ts'
import { asked, connected, numbered, saying, send, text, type Connected } from './redis.test-support.ts'

const orders = channel('events', 'orders')
const STREAM = 'waybill:{orders}:0'

async function handling({ transport }: Connected, name: string, came: string[]) {
  const subscription = await transport.subscribe(
    { group: group(orders, name), transient: false, prefetch: 50 },
    (batch) => {
      came.push(...batch.map(text))
      subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
    },
  )
  return subscription
}

describeOwnRedis('redis() and what is kept', () => {
  test('what every group has settled is forgotten after its history, what one has not is kept, and that group is named', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url, history: '0s', maxLength: 20 })
    const { transport, events } = service
    await transport.declare({ channels: [orders], groups: [group(orders, 'dead')] })
    const came: string[] = []
    await handling(service, 'alive', came)
    await send(transport, orders, numbered('m', 15))
    await expect.poll(() => came.length).toBe(15)
    // More than half full, and nobody reads for the other group.
    await expect.poll(() => events.map((event) => ('error' in event ? event.error.message : '')), { timeout: 10_000 }).toContainEqual(expect.stringMatching(/group dead has no member, and holds back most of 15 messages/)) // prettier-ignore
    expect(await asked(server.url, 'XLEN', STREAM)).toBe(15)
    const results = await transport.send(numbered('n', 6).map((each) => ({ message: saying(each), to: orders })))
    expect(results[0]).toMatchObject({
      outcome: 'refused',
      error: { code: 'WAYBILL_REFUSED', message: expect.stringContaining('group dead') as string },
    })
    const late: string[] = []
    await handling(service, 'dead', late)
    await expect.poll(() => late.length).toBe(15)
    await expect.poll(() => asked(server.url, 'XLEN', STREAM), { timeout: 10_000 }).toBe(0)
    await send(transport, orders, ['again'])
  })

  test('a full stream makes room by what is settled, unless its channel asks for its history', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url, history: '1h', maxLength: 10 })
    const kept = { ...channel('events', 'kept'), retentionMs: 3_600_000 }
    const came: string[] = []
    await handling(service, 'g', came)
    for (let n = 1; n <= 5; n++) {
      await send(service.transport, orders, numbered(`m${n}.`, 8))
      await expect.poll(() => came.length).toBe(8 * n)
      await expect.poll(async () => (await service.transport.inspect()).groups[0]?.depth).toBe(0)
      await expect.poll(async () => (await service.transport.inspect()).subscriptions[0]?.lag).toBe(0)
    }
    await send(service.transport, kept, numbered('k', 10))
    const [full] = await service.transport.send([{ message: saying('one more'), to: kept }])
    expect(full).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_REFUSED' } })
  })

  test('a server short of memory refuses what is new, and what it has is handled', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const came: string[] = []
    const handler = await handling(service, 'g', came)
    await handler.close(1_000)
    await send(service.transport, orders, numbered('m', 20))
    await asked(server.url, 'CONFIG', 'SET', 'maxmemory', '1mb')
    const [result] = await service.transport.send([{ message: saying('too much'), to: orders }])
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_REFUSED' } })
    // Also by who comes only now.
    await using other = await connected({ url: server.url })
    await handling(other, 'g', came)
    await expect.poll(() => came.length).toBe(20)
    await expect.poll(async () => (await other.transport.inspect()).subscriptions[0]?.lag).toBe(0)
  })

  test.each([
    [{ appendfsync: 'always' }, { accepted: 'synced', lossWindowMs: { value: 0, source: 'read' }, source: 'read' }],
    [{ appendfsync: 'everysec' }, { accepted: 'written', lossWindowMs: { value: 2_000, source: 'read' } }],
    [{ appendfsync: 'no' }, { accepted: 'written', lossWindowMs: { value: Infinity, source: 'read' } }],
    [
      { appendonly: 'no', save: '60 1' },
      { accepted: 'memory', source: 'read' },
    ],
    [{ 'rename-command': ['CONFIG', ''] }, { accepted: 'written', lossWindowMs: { value: 2_000, source: 'assumed' } }],
  ])('with %o it is said what accepted means', async (settings, durability) => {
    await using server = await RedisServer.start({ settings })
    await using service = await connected({ url: server.url })
    expect(await service.transport.routeFacts(group(orders, 'g'))).toMatchObject({ durability })
  })

  test('a policy that may evict any key is told as a bound beyond which the oldest goes', async () => {
    const settings = { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' }
    await using server = await RedisServer.start({ settings })
    await using service = await connected({ url: server.url })
    const { limits } = await service.transport.routeFacts(group(orders, 'g'))
    expect(limits.retentionBytes).toEqual({ value: 100 * 2 ** 20, source: 'read' })
    await asked(server.url, 'CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
    expect((await service.transport.routeFacts(group(orders, 'g'))).limits.retentionBytes.value).toBe(Infinity)
  })

  test('a group whose consumer groups somebody destroyed goes on where it was', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url, lease: '1s' })
    const came: string[] = []
    await handling(service, 'g', came)
    await send(service.transport, orders, ['m1'])
    await expect.poll(() => came).toEqual(['m1'])
    await asked(server.url, 'XGROUP', 'DESTROY', STREAM, 'g')
    await send(service.transport, orders, ['m2'])
    await expect.poll(() => came, { timeout: 10_000 }).toContain('m2')
    expect(service.events.map(({ type }) => type)).toContain('subscription-lost')
  })

  test('commands that wait for a service that has never run are not cut when there is no more room', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url, maxLength: 5 })
    const { transport } = service
    const place = channel('command', 'orders.place')
    await transport.declare({ channels: [place], groups: [] })
    await send(transport, place, numbered('c', 5))
    const [full] = await transport.send([{ message: saying('one more'), to: place }])
    expect(full).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_REFUSED' } })
    const came: string[] = []
    const subscription = await transport.subscribe(
      { group: group(place, 'shop'), transient: false, prefetch: 50 },
      (batch) => {
        came.push(...batch.map(text))
        subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
      },
    )
    await expect.poll(() => came).toEqual(numbered('c', 5))
  })

  test.each([false, true])('large messages are fetched some at a time, ordered: %s', async (ordered) => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const { transport } = service
    const of = group(orders, 'g', { ordered })
    const came: string[] = []
    const subscription = await transport.subscribe({ group: of, transient: false, prefetch: 100 }, (batch) => {
      came.push(...batch.map(({ message }) => message.id))
      subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
    })
    const large = numbered('m', 12).map((id) => ({ ...saying(''), id, body: new Uint8Array(1_500_000) }))
    const results = await transport.send(large.map((message) => ({ message, to: orders })))
    expect(results.every(({ outcome }) => outcome === 'accepted')).toBe(true)
    await expect.poll(() => came, { timeout: 10_000 }).toEqual(numbered('m', 12))
  })

  test('a delayed event comes to readers without a group, although its sender has gone', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const sender = await connected({ url: server.url })
    const came: string[] = []
    await service.transport.subscribe({ group: group(orders, 'screen'), transient: true, prefetch: 5 }, (batch) => {
      came.push(...batch.map(text))
    })
    const [result] = await sender.transport.send([{ message: saying('late'), to: orders, delayMs: 400 }])
    expect(result?.outcome).toBe('accepted')
    await sender.transport.close(0)
    expect(came).toEqual([])
    await expect.poll(() => came).toEqual(['late'])
  })

  test('a reader is told of a gap when what it had not read was trimmed, not of what had gone when it began', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url, history: '1h', maxLength: 10 })
    const { transport, events } = service
    const gaps = (): number => events.filter(({ type }) => type === 'gap').length
    await send(transport, orders, numbered('m', 10))
    await send(transport, orders, numbered('n', 5))
    const came: string[] = []
    const held: Delivery[] = []
    const spec = { group: group(orders, 'screen'), transient: true, start: 'earliest', prefetch: 2 } as const
    const reader = await transport.subscribe(spec, (batch) => {
      came.push(...batch.map(text))
      held.push(...batch)
    })
    await expect.poll(() => came).toEqual(['n1', 'n2'])
    expect(gaps()).toBe(0)
    // What it holds is all it has read, and the rest of it goes for what is new.
    await send(transport, orders, numbered('p', 8))
    const next = (): void => reader.settle(held.splice(0).map((delivery) => ({ delivery, action: 'ack' })))
    await expect.poll(() => (next(), came.length)).toBe(10)
    expect(came.slice(2)).toEqual(numbered('p', 8))
    expect(gaps()).toBe(1)
  })
})
