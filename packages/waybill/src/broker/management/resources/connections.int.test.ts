import { once } from 'node:events'
import type { ConsumeMessage } from 'amqplib'
import { expect, test, vi } from 'vitest'
import { describeApi } from '../peers.test-support.ts'

const CONNECTION = `api connection ${process.pid}`
const QUEUE = `api consumed ${process.pid}`

interface Named {
  readonly name: string
  readonly user_provided_name?: string
}

describeApi('connections', (peer) => {
  test('GET shows connections, channels and consumers as clients look for them; DELETE closes a connection with 320', async () => {
    const { api, connect, shownWithin, amqpPort } = peer()
    const connection = await connect(CONNECTION)
    const closed = once(connection, 'close')
    const channel = await connection.createConfirmChannel()
    await channel.prefetch(7)
    await channel.assertQueue(QUEUE, { exclusive: true })
    const settle = (message: ConsumeMessage | null): void => {
      if (message?.content.toString() === 'settled') channel.ack(message)
    }
    await channel.consume(QUEUE, settle, { consumerTag: 'tag', arguments: { 'x-priority': 3 } })
    for (const body of ['settled', 'kept']) channel.sendToQueue(QUEUE, Buffer.from(body))
    channel.publish('amq.fanout', '', Buffer.from('nobody'), { mandatory: true })
    await channel.waitForConfirms()

    const { name } = await vi.waitFor(async () => {
      const { body } = await api.get('connections')
      const found = body.find((each: Named) => each.user_provided_name === CONNECTION)
      expect(found).toMatchObject({
        name: expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:\\d+ -> 127\\.0\\.0\\.1:${amqpPort}$`)) as string,
        user: 'guest',
        vhost: '/',
        state: 'running',
        protocol: 'AMQP 0-9-1',
        ssl: false,
        auth_mechanism: 'PLAIN',
        host: '127.0.0.1',
        port: amqpPort,
        peer_host: '127.0.0.1',
        peer_port: expect.any(Number) as number,
        channels: 1,
        channel_max: 2_047,
        frame_max: expect.any(Number) as number,
        timeout: expect.any(Number) as number,
        connected_at: expect.any(Number) as number,
        client_properties: { connection_name: CONNECTION, capabilities: { 'basic.nack': true } },
        type: 'network',
        recv_oct: expect.any(Number) as number,
        send_oct: expect.any(Number) as number,
        recv_oct_details: { rate: expect.any(Number) as number },
      })
      return found as Named
    }, shownWithin)
    const path = `connections/${encodeURIComponent(name)}`
    expect(await api.get(path)).toMatchObject({ status: 200, body: { name } })

    const manager = `manager ${process.pid}`
    await api.put(`users/${encodeURIComponent(manager)}`, { password: 'secret', tags: 'management' })
    const asManager = api.as(manager, 'secret')
    expect((await asManager.get('connections')).body).toEqual([])
    expect(await asManager.delete(path)).toMatchObject({ status: 401 })
    await api.delete(`users/${encodeURIComponent(manager)}`)

    await vi.waitFor(async () => {
      const { body } = await api.get(`${path}/channels`)
      expect(body).toMatchObject([
        {
          name: `${name} (1)`,
          number: 1,
          user: 'guest',
          vhost: '/',
          connection_details: { name, peer_host: '127.0.0.1' },
          consumer_count: 1,
          prefetch_count: 7,
          global_prefetch_count: 0,
          messages_unacknowledged: 1,
          messages_unconfirmed: 0,
          confirm: true,
          transactional: false,
          state: 'running',
          message_stats: { publish: 3, confirm: 3, return_unroutable: 1, deliver: 2, deliver_get: 2, ack: 1 },
        },
      ])
    }, shownWithin)
    const consumer = {
      consumer_tag: 'tag',
      queue: { name: QUEUE, vhost: '/' },
      ack_required: true,
      exclusive: false,
      active: true,
      activity_status: 'up',
      prefetch_count: 7,
      arguments: { 'x-priority': 3 },
      channel_details: { name: `${name} (1)`, number: 1, connection_name: name, user: 'guest' },
    }
    await vi.waitFor(async () => {
      const consumers = await api.get('consumers/%2F')
      expect(consumers.body.find(({ queue }: { queue: Named }) => queue.name === QUEUE)).toMatchObject(consumer)
    }, shownWithin)
    expect(await api.get(`channels/${encodeURIComponent(`${name} (1)`)}`)).toMatchObject({
      status: 200,
      body: { consumer_details: [consumer] },
    })
    expect((await api.get(`queues/%2F/${encodeURIComponent(QUEUE)}`)).body).toMatchObject({
      consumer_details: [consumer],
    })

    expect(await api.delete(path, { 'x-reason': 'the test says so' })).toMatchObject({ status: 204 })
    expect(await closed).toMatchObject([{ code: 320, message: expect.stringContaining('the test says so') as string }])
    await vi.waitFor(async () => expect(await api.get(path)).toMatchObject({ status: 404 }), shownWithin)
  })

  test('what does not exist is not found', async () => {
    const { api } = peer()
    for (const path of ['connections/nobody', 'channels/nobody', 'vhosts/nowhere/connections'])
      expect(await api.get(path)).toMatchObject({ status: 404 })
    expect(await api.delete('connections/nobody')).toMatchObject({ status: 404 })
  })
})
