// A member of a group, and its link.
import { expect, test } from 'vitest'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import { connected, numbered, send } from './nats.test-support.ts'

const orders = channel('events', 'orders')
const shipping = group(orders, 'shipping')

describeOwnNats('members of groups on NATS', () => {
  test('one that is closed while it is attached anew is no member any more', async () => {
    await using server = await NatsServer.start()
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    await using service = await connected({ servers: `nats://127.0.0.1:${proxy.port}` })
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
    expect((await transport.inspect()).groups).toMatchObject([{ group: 'shipping', consumers: 0, depth: 20 }])
    await proxy.close()
  })
})
