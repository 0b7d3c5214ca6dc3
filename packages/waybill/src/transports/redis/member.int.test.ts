// A member of a group, and its link.
import { expect, test } from 'vitest'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import { connected, numbered, send } from './redis.test-support.ts'

const orders = channel('events', 'orders')
const shipping = group(orders, 'shipping')

describeOwnRedis('members of groups on Redis', () => {
  test('one that is closed while it is attached anew is no member any more', async () => {
    await using server = await RedisServer.start()
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    await using service = await connected({ url: `redis://127.0.0.1:${proxy.port}`, lease: '1s' })
    const { transport } = service
    const subscription = await transport.subscribe({ group: shipping, transient: false, prefetch: 10 }, () => undefined)
    const closed = new Promise<void>((resolve) => {
      transport.onEvent(({ type }) => {
        // What it begins in this turn is under way in the next.
        if (type === 'connected') queueMicrotask(() => void subscription.close(0).then(resolve))
      })
    })
    proxy.cut()
    await closed
    // As many round trips as it would have taken, and more.
    for (const each of numbered('m', 20)) await send(transport, orders, [each])
    // Who it was before the cut is forgotten with its lease.
    const consumers = async () => (await transport.inspect()).groups[0]?.consumers
    await expect.poll(consumers, { timeout: 10_000 }).toBe(0)
    await proxy.close()
  })
})
