// Pub/Sub: what ordinary clients see of it, and what becomes of who is too slow, or loses the connection that listens.
import { createClient } from '@redis/client'
import { HTTP, type CloudEvent } from 'cloudevents'
import { expect, test } from 'vitest'
import { toEnvelope } from '../../message/cloudevents-envelope.ts'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Delivery, Subscription } from '../../transport/transport.ts'
import { asked, connected, numbered, saying, send, text, type Connected } from './redis.test-support.ts'

const prices = channel('signals', 'prices')
const TICK = 'waybill:signals:prices:prices.tick'
const tick = (body: string) => saying(body, { type: 'prices.tick' })

interface Hearing {
  readonly came: string[]
  readonly unsettled: Delivery[]
  readonly subscription: Subscription
}

/** @param holds nothing is settled */
async function hearing({ transport }: Connected, to: Channel = prices, holds = false): Promise<Hearing> {
  const came: string[] = []
  const unsettled: Delivery[] = []
  const spec = { group: group(to, 'till', { types: ['prices.tick'] }), transient: true, prefetch: 10 }
  const subscription = await transport.subscribe(spec, (batch) => {
    came.push(...batch.map(text))
    if (holds) unsettled.push(...batch)
    else subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
  })
  return { came, unsettled, subscription }
}

const types = ({ events }: Connected): readonly string[] => events.map(({ type }) => type)
const of = (service: Connected, type: string): number => types(service).filter((each) => each === type).length

describeOwnRedis('signals on Redis', () => {
  test('an ordinary client hears CloudEvents in JSON, and publishes them', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const { came } = await hearing(service)
    const client = createClient({ url: server.url, RESP: 2 })
    await client.connect()
    const heard: string[] = []
    await client.subscribe(TICK, (payload) => void heard.push(payload))
    const sent = saying('{"price":5}', { type: 'prices.tick', headers: { tenant: 'acme' } })
    await service.transport.send([{ message: sent, to: prices }])
    await expect.poll(() => heard.length).toBe(1)
    const headers = { 'content-type': 'application/cloudevents+json' }
    const event = HTTP.toEvent({ headers, body: heard[0] ?? '' }) as CloudEvent<unknown>
    expect(event).toMatchObject({ id: sent.id, type: 'prices.tick', data: { price: 5 } })
    client.destroy()

    // What is no CloudEvent is reported, and costs nothing else.
    await asked(server.url, 'PUBLISH', TICK, 'nonsense')
    await asked(server.url, 'PUBLISH', TICK, JSON.stringify({ specversion: '1.0', id: '7', source: '/b', type: 'prices.tick', data: 'x' })) // prettier-ignore
    await expect.poll(() => came).toEqual(['{"price":5}', '"x"'])
    expect(service.events).toMatchObject([{ type: 'error', error: { code: 'WAYBILL_MALFORMED' } }])
  })

  test('a foreign channel has bare bodies, both ways', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const legacy = { ...channel('signals', 'legacy.reading'), foreign: 'sensors' }
    const { came } = await hearing(service, legacy)
    await asked(server.url, 'PUBLISH', 'sensors', '21.5')
    await send(service.transport, legacy, ['22.5'])
    await expect.poll(() => came).toEqual(['21.5', '22.5'])
  })

  test('who reads too slowly is cut off by the server: a gap, and no more than that', async () => {
    const settings = { 'client-output-buffer-limit': ['pubsub', '1mb', '0', '0'] }
    await using server = await RedisServer.start({ settings })
    await using service = await connected({ url: server.url })
    const { came } = await hearing(service)
    // While a script runs, the server sends nothing: what it publishes piles up as before a process that does not read.
    await asked(server.url, 'EVAL', `for n = 1, 200 do redis.call('PUBLISH', '${TICK}', string.rep('x', 10000)) end`, '0') // prettier-ignore
    await expect.poll(() => types(service), { timeout: 10_000 }).toContain('subscription-restored')
    expect(types(service).filter((type) => type !== 'error')).toEqual(['subscription-lost', 'gap', 'subscription-restored']) // prettier-ignore
    await service.transport.send([{ message: tick('after'), to: prices }])
    await expect.poll(() => came).toEqual(['after'])
  })

  test('several subscriptions share one connection; when it is lost alone, each has a gap and listens again', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const [first, second] = [await hearing(service), await hearing(service)]
    const listening = async (): Promise<number> =>
      String(await asked(server.url, 'CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').filter((line) => line !== '').length // prettier-ignore
    expect(await listening()).toBe(1)
    await asked(server.url, 'CLIENT', 'KILL', 'TYPE', 'pubsub')
    await expect.poll(() => of(service, 'subscription-restored'), { timeout: 10_000 }).toBe(2)
    expect([of(service, 'gap'), of(service, 'disconnected')]).toEqual([2, 0])
    await service.transport.send([{ message: tick('m1'), to: prices }])
    await expect.poll(() => [first.came, second.came]).toEqual([['m1'], ['m1']])
    await first.subscription.close(0)
    await service.transport.send([{ message: tick('m2'), to: prices }])
    await expect.poll(() => [first.came, second.came]).toEqual([['m1'], ['m1', 'm2']])
    expect(await listening()).toBe(1)
  })

  test('what a slow handler leaves waiting is bounded: beyond it, one gap; and on with what comes', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const slow = await hearing(service, prices, true)
    const other = channel('signals', 'other')
    const marks = await hearing(service, other)
    const big = 'x'.repeat(2 ** 20)
    // 64 MiB may wait; ten are handed out.
    for (let n = 0; n < 70; n += 10)
      await service.transport.send(numbered('m', 10).map(() => ({ message: tick(big), to: prices })))
    // On one connection, everything before it has come when this has.
    await service.transport.send([{ message: tick('all'), to: other }])
    await expect.poll(() => marks.came, { timeout: 10_000 }).toEqual(['all'])
    expect(of(service, 'gap')).toBe(1)
    expect(service.events).toContainEqual(expect.objectContaining({ error: expect.objectContaining({ code: 'WAYBILL_LIMIT' }) as Error })) // prettier-ignore
    while (slow.unsettled.length > 0) {
      slow.subscription.settle(slow.unsettled.splice(0).map((delivery) => ({ delivery, action: 'ack' })))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(slow.came.length).toBe(64)
    await service.transport.send([{ message: tick('after'), to: prices }])
    await expect.poll(() => slow.came.at(-1)).toBe('after')
    expect(of(service, 'gap')).toBe(1)
  })

  test('a user needs its channels, and is told so', async () => {
    await using server = await RedisServer.start()
    const common = ['ACL', 'SETUSER', 'shop', 'on', '>word', 'resetkeys', '~waybill:*', '-@all', '+@read', '+@write', '+@scripting', '+@connection', '+info', '+time', '+config|get', '+client|unblock'] // prettier-ignore
    await asked(server.url, ...common, 'resetchannels')
    const options = { url: server.url, user: 'shop', password: 'word' }
    await using refused = await connected(options)
    await expect(hearing(refused)).rejects.toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
    const [result] = await refused.transport.send([{ message: tick('m1'), to: prices }])
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_ACCESS_REFUSED' } })

    await asked(server.url, ...common, '+@pubsub', '&waybill:signals:*')
    await using allowed = await connected(options)
    const { came } = await hearing(allowed)
    await allowed.transport.send([{ message: tick('m1'), to: prices }])
    await expect.poll(() => came).toEqual(['m1'])
  })

  test('a transport that is closed while it begins to listen leaves no connection behind', async () => {
    await using server = await RedisServer.start()
    const service = await connected({ url: server.url })
    const listening = hearing(service).catch((error: unknown) => error)
    await service.transport.close(0)
    await listening
    const there = async (): Promise<string> => String(await asked(server.url, 'CLIENT', 'LIST'))
    // Of those that are there, one is who asks.
    await expect.poll(async () => (await there()).trim().split('\n').length).toBe(1)
  })

  test('a message is the same in every language: its envelope is what the server is given', async () => {
    await using server = await RedisServer.start()
    await using service = await connected({ url: server.url })
    const client = createClient({ url: server.url, RESP: 2 })
    await client.connect()
    const heard: (readonly [string, string])[] = []
    await client.pSubscribe('waybill:signals:prices:*', (payload, on) => void heard.push([on, payload]))
    const sent = tick('"m1"')
    await service.transport.send([{ message: sent, to: prices }])
    await expect.poll(() => heard).toEqual([[TICK, Buffer.from(toEnvelope(sent)).toString()]])
    client.destroy()
  })
})
