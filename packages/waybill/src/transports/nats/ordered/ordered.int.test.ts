// Owners of shards on a real server: a former owner's words that arrive late, and members that change under load while the
// server is killed.
import { expect, test } from 'vitest'
import { Ledger } from '../../../conformance/ledger.ts'
import { FaultProxy } from '../../../testing/fault-proxy.ts'
import { describeOwnNats } from '../../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../../testing/servers/nats-server.ts'
import { channel, group } from '../../../transport/fixtures.test-support.ts'
import type { Delivery, Subscription } from '../../../transport/transport.ts'
import { connected, numbered, runtime, saying, send, text, type Connected } from '../nats.test-support.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => void runtime.setTimer(ms, resolve))
const WAIT = { timeout: 20_000, interval: 20 }

describeOwnNats('an ordered group on NATS', () => {
  test('what a former owner settled, and the server hears late, changes nothing', async () => {
    await using server = await NatsServer.start()
    await using proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    const options = { lease: '1s', pingInterval: '30s' } as const
    await using former = await connected({ ...options, servers: `nats://127.0.0.1:${proxy.port}` })
    await using next = await connected({ ...options, servers: server.url })
    await using last = await connected({ ...options, servers: server.url })
    const orders = channel('events', 'orders', 2)
    const spec = { group: group(orders, 'shipping', { ordered: true }), transient: false, prefetch: 5 }
    const held: Delivery[] = []
    const before = await former.transport.subscribe(spec, (batch) => void held.push(...batch))
    await send(next.transport, orders, ['a1'], 'a')
    await send(next.transport, orders, ['b1'], 'b')
    await expect.poll(() => held.length, WAIT).toBe(2)

    proxy.stall()
    const named = (of: readonly Delivery[], name: string): Delivery =>
      of.find((each) => text(each) === name) as Delivery // it came
    const failure = { at: 0, attempt: 1, group: 'shipping', name: 'Error', message: 'late' }
    // Its lease still holds when it says so, and it is not heard.
    before.settle(held.map((delivery) => ({ delivery, action: 'retry', afterMs: 0, attempt: 2, failure })))
    const taken: Delivery[] = []
    const between = await next.transport.subscribe(spec, (batch) => void taken.push(...batch))
    await expect.poll(() => taken.map(text).toSorted(), WAIT).toEqual(['a1', 'b1'])
    expect(named(taken, 'a1').fencing).toBeGreaterThan(named(held, 'a1').fencing ?? Infinity)
    for (const each of taken) expect(each).toMatchObject({ redelivered: true, deliveryCount: 2 })
    between.settle([{ delivery: named(taken, 'b1'), action: 'ack' }])
    await expect.poll(async () => (await next.transport.inspect()).subscriptions[0]?.lag, WAIT).toBe(1)
    await proxy.restore()
    await pause(500)
    expect(taken.map(text).toSorted()).toEqual(['a1', 'b1'])
    await between.close(0)
    await former.transport.close(0)

    const again: Delivery[] = []
    const after = await last.transport.subscribe(spec, (batch) => void again.push(...batch))
    await expect.poll(() => again.map(text), WAIT).toEqual(['a1'])
    expect(again[0]?.message.attempt).toBe(1)
    after.settle(again.map((delivery) => ({ delivery, action: 'ack' })))
    await expect.poll(async () => (await last.transport.inspect()).subscriptions[0]?.lag, WAIT).toBe(0)
  })

  test(
    'members 2, 3, 2, 1 under load while the server is killed: nothing is lost, and keys keep their order',
    { timeout: 120_000 },
    async () => {
      await using server = await NatsServer.start()
      const options = { servers: server.url, lease: '2s', ackWait: '2s', pingInterval: '1s' } as const
      await using sender = await connected(options)
      const orders = channel('events', 'orders', 6)
      const spec = { group: group(orders, 'shipping', { ordered: true }), transient: false, prefetch: 16 }
      await sender.transport.declare({ channels: [orders], groups: [spec.group] })
      const ledger = new Ledger()
      const members: Connected[] = []
      const join = async (): Promise<void> => {
        const member = await connected(options)
        members.push(member)
        const subscription: Subscription = await member.transport.subscribe(spec, (batch) => {
          runtime.setTimer(2, () => {
            subscription.settle(
              batch.map((delivery) => {
                const { attempt, sequence = 0 } = delivery.message
                if (sequence % 9 === 0 && attempt === 1) {
                  const failure = { at: 0, attempt, group: 'shipping', name: 'Error', message: 'first try' }
                  return { delivery, action: 'retry', afterMs: 30, attempt: 2, failure }
                }
                ledger.handled(text(delivery))
                return { delivery, action: 'ack' }
              }),
            )
          })
        })
      }
      await join()
      await join()
      const keys = numbered('key', 12)
      for (let n = 1; n <= 80; n++) {
        if (n === 20) await join()
        if (n === 30) void server.kill().then(() => server.restart())
        if (n === 45) await members.shift()?.transport.close(2_000)
        if (n === 55) {
          await server.kill()
          await server.restart()
        }
        if (n === 65) await members.shift()?.transport.close(2_000)
        for (const key of keys) ledger.sending(`${key}/${n}`, key)
        let left = keys
        await expect
          .poll(async () => {
            const batch = left.map((key) => ({
              message: saying(`${key}/${n}`, { key, sequence: n, id: `${key}/${n}` }),
              to: orders,
            }))
            const results = await sender.transport.send(batch).catch(() => [])
            // What may be stored is sent again by its id, which the stream takes once.
            left = left.filter((_, index) => results[index]?.outcome !== 'accepted')
            return left.length
          }, WAIT)
          .toBe(0)
        for (const key of keys) ledger.sent(`${key}/${n}`, 'accepted')
        await pause(40)
      }
      await expect.poll(() => ledger.missing, { ...WAIT, timeout: 60_000 }).toBe(0)
      const { disorder, strangers } = ledger.verdict()
      expect({ disorder, strangers }).toEqual({ disorder: [], strangers: [] })
      for (const member of members) await member.transport.close(0)
    },
  )
})
