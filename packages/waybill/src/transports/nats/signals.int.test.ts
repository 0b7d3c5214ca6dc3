// Core NATS: what ordinary clients see of signals, and what becomes of a handler that is too slow.
import { connect } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import type { Channel } from '../../transport/channel.ts'
import { channel, group } from '../../transport/fixtures.test-support.ts'
import type { Delivery } from '../../transport/transport.ts'
import { connected, numbered, saying, send, text, type Connected } from './nats.test-support.ts'

const prices = channel('signals', 'prices')
const SUBJECT = 'waybill.prices+signals.prices.tick'
const tick = (body: string) => saying(body, { type: 'prices.tick' })

async function hearing({ transport }: Connected, to: Channel) {
  const unsettled: Delivery[] = []
  const came: string[] = []
  const spec = { group: group(to, 'till', { types: ['prices.tick'] }), transient: true, prefetch: 10 }
  const subscription = await transport.subscribe(spec, (batch) => {
    came.push(...batch.map(text))
    unsettled.push(...batch)
  })
  const settle = (): void =>
    subscription.settle(unsettled.splice(0).map((delivery) => ({ delivery, action: 'ack' as const })))
  return { came, unsettled, settle }
}

describeOwnNats('signals on NATS', () => {
  test('ordinary clients hear a CloudEvent with its attributes as headers, and publish; a foreign channel is a subject', async () => {
    await using server = await NatsServer.start()
    await using service = await connected({ servers: server.url })
    const client = await connect({ servers: server.url })
    const heard: string[] = []
    client.subscribe('waybill.prices+signals.>', {
      callback: (_error, { subject, headers }) => void heard.push(`${subject} ${headers?.get('ce-type')}`),
    })
    const legacy = { ...channel('signals', 'legacy.reading'), foreign: 'sensors.room' }
    const [own, bare] = [await hearing(service, prices), await hearing(service, legacy)]
    await client.flush()
    await service.transport.send([{ message: tick('m1'), to: prices }])
    await expect.poll(() => heard).toEqual([`${SUBJECT} prices.tick`])
    client.publish(SUBJECT, 'm2')
    client.publish('sensors.room', '21.5')
    await expect.poll(() => [own.came, bare.came]).toEqual([['m1', 'm2'], ['21.5']])
    await client.close()
  })

  test('what a slow handler leaves waiting is bounded: beyond it, one gap; and on with what comes', async () => {
    await using server = await NatsServer.start()
    await using service = await connected({ servers: server.url })
    const slow = await hearing(service, prices)
    const big = 'x'.repeat(1_000_000)
    // 64 MiB may wait. The server answers a sender when it has handed on what came before.
    for (let n = 0; n < 80; n += 10)
      await service.transport.send(numbered('m', 10).map(() => ({ message: tick(big), to: prices })))
    await send(service.transport, channel('signals', 'other'), ['all'])
    expect(service.events.map(({ type }) => type)).toEqual(['error', 'gap'])
    while (slow.unsettled.length > 0) {
      slow.settle()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(slow.came.length).toBe(68)
    await service.transport.send([{ message: tick('after'), to: prices }])
    await expect.poll(() => slow.came.at(-1)).toBe('after')
  })
})
