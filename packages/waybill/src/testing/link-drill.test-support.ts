// What a lost link must not do, on a server of our own behind a proxy that cuts it.
import { expect, test } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'
import { channel, group } from '../transport/fixtures.test-support.ts'
import type { Delivery } from '../transport/transport.ts'
import { numbered, send, text, type Connected } from './connected.test-support.ts'

const orders = { ...channel('events', 'orders'), retentionMs: 3_600_000 }

export interface LinkDrill {
  readonly start: () => Promise<AsyncDisposable & { readonly port: number }>
  /** To that port of 127.0.0.1. */
  readonly connect: (port: number) => Promise<Connected>
}

export function testCutLink({ start, connect }: LinkDrill): void {
  test('what a reader has in hand when its link is cut does not come again, and is tried again as it was told', async () => {
    await using server = await start()
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    await using service = await connect(proxy.port)
    const { transport, events } = service
    await send(transport, orders, ['m1', 'm2', 'm3'])
    const unsettled: Delivery[] = []
    const came: string[] = []
    const spec = { group: group(orders, 'reader'), transient: true, start: 'earliest', prefetch: 2 } as const
    const subscription = await transport.subscribe(spec, (batch) => {
      came.push(...batch.map(text))
      unsettled.push(...batch)
    })
    const told = (): readonly string[] => events.map(({ type }) => type)
    await expect.poll(() => came, { timeout: 10_000 }).toEqual(['m1', 'm2'])
    proxy.cut()
    await expect.poll(told, { timeout: 10_000 }).toContain('subscription-lost')
    await expect.poll(told, { timeout: 10_000 }).toContain('subscription-restored')
    const [first, second] = unsettled as [Delivery, Delivery] // two came
    subscription.settle([
      { delivery: first, action: 'retry', afterMs: 0, attempt: 2 },
      { delivery: second, action: 'ack' },
    ])
    await expect.poll(() => came, { timeout: 10_000 }).toEqual(['m1', 'm2', 'm1', 'm3'])
    expect(told()).not.toContain('gap')
    await proxy.close()
  })

  test('a member of a group that is closed while it is attached anew is none any more', async () => {
    await using server = await start()
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    await using service = await connect(proxy.port)
    const { transport } = service
    const spec = { group: group(orders, 'shipping'), transient: false, prefetch: 10 }
    const subscription = await transport.subscribe(spec, () => undefined)
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
    const shipping = async () => (await transport.inspect()).groups[0]
    expect(await shipping()).toMatchObject({ group: 'shipping', depth: 20 })
    // Who it was before the cut may be forgotten with its lease alone.
    await expect.poll(async () => (await shipping())?.consumers, { timeout: 10_000 }).toBe(0)
    await proxy.close()
  })
}
