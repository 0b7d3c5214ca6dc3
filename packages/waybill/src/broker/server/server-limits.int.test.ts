import { afterEach, describe, expect, test } from 'vitest'
import { encodeProperties } from '../wire/properties.ts'
import { FRAME } from './differential/hearing.test-support.ts'
import { headerPayload, type WireClient } from './differential/wire-client.test-support.ts'
import { ServedBroker } from './served-broker.test-support.ts'

let served: ServedBroker | undefined

afterEach(async () => {
  await served?.stop()
  served = undefined
})

describe('limits of a server', () => {
  test('connections that are open', async () => {
    served = await ServedBroker.start({ limits: { connections: 2 } })
    const first = await served.open()
    await served.open()
    const third = await served.connect()
    expect(await third.shakeHands()).toMatchObject({ name: 'connection.close', fields: { 'reply-code': 530 } })
    await first.close()
    await served.connections(1)
    await served.open()
  })

  test('connections that have not come through the handshake: the oldest has to go, an open one never', async () => {
    served = await ServedBroker.start({ limits: { handshakes: 2 } })
    const open = await served.open()
    const silent: WireClient[] = []
    for (let n = 0; n < 4; n++) silent.push(await served.connect())
    await served.connections(3)
    await silent[0]?.ended()
    await silent[1]?.ended()
    await silent[3]?.shakeHands()
    expect((await open.call(1, 'access.request')).name).toBe('access.request-ok')
  })

  test('consumers of a channel', async () => {
    served = await ServedBroker.start({ limits: { consumersPerChannel: 2 } })
    const client = await served.open()
    await client.call(1, 'queue.declare', { queue: 'q' })
    for (const tag of ['one', 'two']) await client.call(1, 'basic.consume', { queue: 'q', 'consumer-tag': tag })
    await client.call(1, 'basic.cancel', { 'consumer-tag': 'one' })
    await client.call(1, 'basic.consume', { queue: 'q', 'consumer-tag': 'three' })
    expect(await client.call(1, 'basic.consume', { queue: 'q' })).toMatchObject({
      name: 'connection.close',
      fields: { 'reply-code': 530 },
    })
  })

  test('bodies', async () => {
    served = await ServedBroker.start({ limits: { messageBytes: 1_000 } })
    const client = await served.open()
    client.publish(1, { routingKey: 'q', body: Buffer.alloc(1_001) })
    expect(await client.hear(1)).toMatchObject({ name: 'channel.close', fields: { 'reply-code': 406 } })
  })

  test('bodies that never become whole: who has the most of them has to go', async () => {
    served = await ServedBroker.start({ limits: { unfinishedBytes: 1_000_000 } })
    const patient = await served.open()
    const hoarder = await served.open()
    begin(patient, 1, 100_000)
    for (let channel = 2; channel <= 11; channel++) {
      await hoarder.call(channel, 'channel.open')
      begin(hoarder, channel, 100_000)
    }
    expect(await hoarder.hear(0)).toMatchObject({ name: 'connection.close', fields: { 'reply-code': 506 } })
    expect(served.server.unfinished.bytes).toBeLessThanOrEqual(200_000)
    patient.frame(FRAME.body, 1, Buffer.alloc(100_000))
    expect((await patient.call(1, 'access.request')).name).toBe('access.request-ok')
    expect(served.server.unfinished.bytes).toBe(0)
  })
})

/** Publishes half of a body. */
function begin(client: WireClient, channel: number, half: number): void {
  client.say(channel, 'basic.publish', { 'routing-key': 'nowhere' })
  client.frame(FRAME.header, channel, headerPayload(2 * half, encodeProperties({})))
  client.frame(FRAME.body, channel, Buffer.alloc(half))
}
