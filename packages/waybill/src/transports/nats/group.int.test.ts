// What groups promise on a real server beyond the conformance suite: long handlers, types, history, many delays.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import type { Channel } from '../../transport/channel.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { Delivery, Subscription, Transport } from '../../transport/transport.ts'
import { connected, numbered, runtime, saying, send, text, texts } from './nats.test-support.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => void runtime.setTimer(ms, resolve))
let count = 0
const fresh = (): Channel => channel('events', `orders${++count}`)

describeOwnNats('a group on NATS', () => {
  let server: NatsServer
  beforeAll(async () => {
    server = await NatsServer.start()
  })
  afterAll(() => server.stop())

  test('a handler takes many times ack_wait, and its message is handed out once', async () => {
    const options = { servers: server.url, ackWait: '600ms' } as const
    await using one = await connected(options)
    await using other = await connected(options)
    const orders = fresh()
    const shipping = group(orders, 'shipping')
    const came: Delivery[] = []
    const receive = (batch: readonly Delivery[]): void => void came.push(...batch)
    const subscriptions = [
      await one.transport.subscribe({ group: shipping, transient: false, prefetch: 5 }, receive),
      await other.transport.subscribe({ group: shipping, transient: false, prefetch: 5 }, receive),
    ]
    await send(one.transport, orders, ['slow'])
    await expect.poll(() => came.length).toBe(1)
    await pause(3_000)
    expect(texts(came)).toEqual(['slow'])
    for (const subscription of subscriptions) settleIfOwn(subscription, came)
    await expect.poll(async () => (await one.transport.inspect()).subscriptions[0]?.lag).toBe(0)
    expect(texts(came)).toEqual(['slow'])
  })

  test('a type that a newer member asks for is not passed by in an older one', async () => {
    await using older = await connected({ servers: server.url })
    await using newer = await connected({ servers: server.url })
    const orders = fresh()
    const of = (...names: string[]) => ({ types: names.map((name) => `${orders.name}.${name}`) })
    const came: string[] = []
    const handling = async (transport: Transport, ...names: string[]): Promise<void> => {
      const subscription: Subscription = await transport.subscribe(
        { group: group(orders, 'shipping', of(...names)), transient: false, prefetch: 10 },
        (batch) => {
          came.push(...texts(batch))
          runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' }))))
        },
      )
    }
    await handling(older.transport, 'placed', 'paid')
    const say = async (name: string): Promise<void> => {
      const message = saying(name, { type: `${orders.name}.${name}` })
      expect(await older.transport.send([{ message, to: orders }])).toEqual([{ outcome: 'accepted' }])
    }
    await say('placed')
    await say('cancelled')
    await say('paid')
    await expect.poll(() => came).toEqual(['placed', 'paid'])
    await handling(newer.transport, 'placed', 'cancelled')
    for (const name of ['cancelled', 'paid', 'cancelled', 'cancelled']) await say(name)
    await expect.poll(() => came.filter((name) => name === 'cancelled').length).toBe(3)
  })

  test('a stream forgets what every group has settled and its history does not need, and nothing else', async () => {
    await using service = await connected({ servers: server.url, history: '1s' })
    const { transport } = service
    const [orders, unread, kept] = [fresh(), fresh(), { ...fresh(), retentionMs: 3_600_000 }]
    await transport.declare({ channels: [kept], groups: [group(unread, 'shipping')] })
    const subscription = await transport.subscribe(
      { group: group(orders, 'shipping'), transient: false, prefetch: 10 },
      (batch) =>
        runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' as const })))),
    )
    for (const each of [orders, unread, kept]) await send(transport, each, numbered('m', 5))
    const connection = await connect({ servers: server.url })
    const { streams } = await jetstreamManager(connection)
    const stored = async (of: Channel): Promise<number> => (await streams.info(`waybill-${of.name}`)).state.messages
    expect(await stored(orders)).toBe(5)
    await expect.poll(() => stored(orders), { timeout: 10_000 }).toBe(0)
    expect([await stored(unread), await stored(kept)]).toEqual([5, 5])
    await connection.close()
  })

  test('a thousand delayed commands come when they are due', async () => {
    await using service = await connected({ servers: server.url })
    const { transport } = service
    const reminders = channel('command', `remind${++count}`)
    const late: number[] = []
    let came = 0
    const subscription = await transport.subscribe(
      { group: group(reminders, 'clock'), transient: false, prefetch: 200 },
      (batch) => {
        const now = runtime.now()
        for (const { message } of batch) late.push(now - Number(message.headers['due']))
        came += batch.length
        runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' as const }))))
      },
    )
    const results = await transport.send(
      Array.from({ length: 1_000 }, (_, n) => {
        const delayMs = 200 + ((n * 7_919) % 1_800)
        return {
          message: saying(String(n), { headers: { due: String(runtime.now() + delayMs) } }),
          to: reminders,
          delayMs,
        }
      }),
    )
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['accepted']))
    await expect.poll(() => came, { timeout: 15_000 }).toBe(1_000)
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-2)
  })

  test.each([false, true])(
    'a stream that is deleted is made again, and nothing sent then is missed (ordered: %s)',
    async (ordered) => {
      await using service = await connected({ servers: server.url, lease: '2s' })
      const { transport, events } = service
      const orders = { ...fresh(), shards: 3 }
      const came: string[] = []
      const subscription: Subscription = await transport.subscribe(
        { group: group(orders, 'shipping', { ordered }), transient: false, prefetch: 10 },
        (batch) => {
          came.push(...texts(batch))
          runtime.defer(() => subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' as const }))))
        },
      )
      for (const key of ['a', 'b', 'c', 'd']) await send(transport, orders, numbered(`${key}.`, 3), key)
      await expect.poll(() => came.length).toBe(12)
      const connection = await connect({ servers: server.url })
      await (await jetstreamManager(connection)).streams.delete(`waybill-${orders.name}`)
      await connection.close()
      const again = ['a', 'b', 'c', 'd'].flatMap((key) => numbered(`${key}!`, 9))
      for (const each of again) await send(transport, orders, [each], each.slice(0, 1))
      await expect.poll(() => again.filter((each) => !came.includes(each)), { timeout: 15_000 }).toEqual([])
      expect(events.map(({ type }) => type)).toContain('subscription-lost')
    },
  )

  test('a full stream refuses what is new, and keeps what is unread', async () => {
    await using service = await connected({ servers: server.url, prefix: 'small', maxStreamBytes: 20_000 })
    const { transport } = service
    const orders = fresh()
    const shipping = group(orders, 'shipping')
    await transport.declare({ channels: [orders], groups: [shipping] })
    const body = 'x'.repeat(4_000)
    const results = await transport.send(numbered('m', 10).map(() => ({ message: saying(body), to: orders })))
    const accepted = results.filter(({ outcome }) => outcome === 'accepted').length
    expect(accepted).toBeLessThan(10)
    expect(results.at(-1)).toMatchObject({ outcome: 'refused', error: { code: 'WAYBILL_REFUSED' } })
    const came: Delivery[] = []
    await transport.subscribe({ group: shipping, transient: false, prefetch: 20 }, (batch) => void came.push(...batch))
    await expect.poll(() => came.map((each) => text(each).length)).toEqual(Array(accepted).fill(4_000))
  })
})

/** The one of two members that was handed it settles it; the other does not know it. */
function settleIfOwn(subscription: Subscription, deliveries: readonly Delivery[]): void {
  subscription.settle(deliveries.map((delivery) => ({ delivery, action: 'ack' })))
}
