// A reader that began in the past, and its link.
import { expect, test } from 'vitest'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { Delivery } from '../../transport/transport.ts'
import { connected, send, text } from './nats.test-support.ts'

const orders = channel('events', 'orders')

describeOwnNats('readers on NATS', () => {
  test('what a reader has in hand when its link is cut does not come again, and is tried again as it was told', async () => {
    await using server = await NatsServer.start()
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    await using service = await connected({ servers: `nats://127.0.0.1:${proxy.port}` })
    const { transport, events } = service
    await send(transport, orders, ['m1', 'm2', 'm3'])
    const unsettled: Delivery[] = []
    const came: string[] = []
    const spec = { group: group(orders, 'reader'), transient: true, start: 'earliest', prefetch: 2 } as const
    const subscription = await transport.subscribe(spec, (batch) => {
      came.push(...batch.map(text))
      unsettled.push(...batch)
    })
    await expect.poll(() => came).toEqual(['m1', 'm2'])
    proxy.cut()
    await expect.poll(() => events.map(({ type }) => type)).toContain('subscription-lost')
    await expect.poll(() => events.map(({ type }) => type), { timeout: 10_000 }).toContain('subscription-restored')
    const [first, second] = unsettled as [Delivery, Delivery] // two came
    subscription.settle([
      { delivery: first, action: 'retry', afterMs: 0, attempt: 2 },
      { delivery: second, action: 'ack' },
    ])
    await expect.poll(() => came).toEqual(['m1', 'm2', 'm1', 'm3'])
    expect(events.map(({ type }) => type)).not.toContain('gap')
    await proxy.close()
  })
})
