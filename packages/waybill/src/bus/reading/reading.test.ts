import { describe, expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { embedded } from '../../transports/embedded/embedded.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import type { ReadEvent } from './reading.ts'
import { deliveryOf, stubTransport, type Stub } from '../stub-transport.test-support.ts'

const orders = contract('orders', { retention: '7d', shards: 2 }, { placed: event(type<number>()) })

async function busOn(stub: Stub) {
  const runtime = virtualRuntime()
  const bus = await createBus({ runtime, logger: silentLogger, drainOn: [], transport: () => stub.transport })
  return { bus, runtime }
}

const placed = (n: number) => ({ ...deliveryOf('orders.placed', n), position: String(n) })

/** Takes events until there are `count`, and leaves the loop. */
async function take(events: AsyncIterable<ReadEvent<typeof orders.placed>>, count: number) {
  const taken: ReadEvent<typeof orders.placed>[] = []
  for await (const each of events) {
    taken.push(each)
    if (taken.length === count) break
  }
  return taken
}

describe('bus.read()', () => {
  test('asks for what was said, hands out in order with positions, and settles what the loop has taken', async () => {
    const stub = stubTransport()
    const { bus, runtime } = await busOn(stub)
    const taking = take(bus.read(orders.placed, { shards: [1], start: { positions: { 1: '7' } } }), 2)
    await runtime.advance(0)
    const [subscription] = stub.subscriptions
    expect(subscription?.spec).toMatchObject({
      transient: true,
      shards: [1],
      start: { positions: { 1: '7' } },
      group: { types: ['orders.placed'], channel: { name: 'orders', retentionMs: 604_800_000 } },
    })
    subscription?.receive([placed(8), placed(9), placed(10)])
    expect((await taking).map(({ body, position }) => [body, position])).toEqual([
      [8, '8'],
      [9, '9'],
    ])
    expect(subscription?.settled.map(({ delivery }) => delivery.position)).toEqual(['8'])
    expect(subscription?.closed).toBe(0)
    await bus.drain(0)
  })

  test.each([
    ['the engine reports a gap', 'WAYBILL_SUBSCRIPTION_LOST'],
    ['the signal aborts', 'WAYBILL_ABORTED'],
    ['the bus closes', 'WAYBILL_CLOSED'],
    ['an event cannot be read', 'WAYBILL_MALFORMED'],
  ])('ends when %s: %s', async (what, code) => {
    const stub = stubTransport()
    const { bus, runtime } = await busOn(stub)
    const abort = new AbortController()
    const taking = take(bus.read(orders.placed, { signal: abort.signal }), 10).catch((error: unknown) => error)
    await runtime.advance(0)
    const [subscription] = stub.subscriptions
    const { channel, name } = subscription?.spec.group ?? { channel: orders.placed.channel, name: '' }
    if (what.includes('gap')) stub.emit({ type: 'gap', channel: channel.name, group: name })
    else if (what.includes('signal')) abort.abort()
    else if (what.includes('closes')) await bus.drain(0)
    else {
      const { message, ...rest } = placed(1)
      subscription?.receive([{ ...rest, message: { ...message, body: new Uint8Array([1]) } }])
    }
    expect(await taking).toMatchObject({ code })
    expect(subscription?.closed).toBe(0)
    await bus.drain(0)
  })

  test('passes over what cannot be read, when it is told to', async () => {
    const stub = stubTransport()
    const { bus, runtime } = await busOn(stub)
    const taking = take(bus.read(orders.placed, { unreadable: 'skip' }), 1)
    await runtime.advance(0)
    const { message, ...rest } = placed(1)
    stub.subscriptions[0]?.receive([{ ...rest, message: { ...message, body: new Uint8Array([1]) } }, placed(2)])
    expect((await taking)[0]?.body).toBe(2)
    await bus.drain(0)
  })

  test('is refused where the engine keeps no history', async () => {
    const bus = await createBus({ logger: silentLogger, drainOn: [], transport: embedded({ memory: true }) })
    const plain = contract('plain', { said: event(type<number>()) })
    await expect(async () => {
      for await (const _ of bus.read(plain.said)) break
    }).rejects.toMatchObject({ code: 'WAYBILL_UNSUPPORTED' })
    await bus.drain(0)
  })
})
