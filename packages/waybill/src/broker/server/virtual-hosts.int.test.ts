import { connect, type ChannelModel } from 'amqplib'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { ownIdentity } from '../access/identity.ts'
import { Broker } from '../broker.ts'
import { serveBroker, type BrokerServer } from './serve-broker.ts'

let broker: Broker
let server: BrokerServer
const connections: ChannelModel[] = []

beforeEach(async () => {
  const runtime = systemRuntime()
  broker = await Broker.open({ runtime })
  server = await serveBroker({
    broker,
    runtime,
    host: '127.0.0.1',
    port: 0,
    authenticate: () => ownIdentity('guest', 'all'),
    version: '0',
  })
})

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close().catch(() => {})
  await server.close(1_000, 'the test is over')
  await broker.close()
})

async function enter(vhost: string): Promise<ChannelModel> {
  const connection = await connect({ protocol: 'amqp', hostname: '127.0.0.1', port: server.port, vhost })
  connection.on('error', () => {})
  connections.push(connection)
  return connection
}

test('connection.open names the virtual host; one that does not exist is refused with 530', async () => {
  broker.virtualHosts.create('a')
  broker.virtualHosts.create('')
  for (const [vhost, text] of [
    ['/', 'in the root'],
    ['a', 'in a'],
    ['', 'in the one without a name'],
  ] as const) {
    const channel = await (await enter(vhost)).createConfirmChannel()
    await channel.assertQueue('q')
    channel.sendToQueue('q', Buffer.from(text))
    await channel.waitForConfirms()
    expect((await channel.get('q')) || undefined).toMatchObject({ content: Buffer.from(text) })
  }
  await expect(enter('b')).rejects.toThrow(/got <ConnectionClose/)
})

test('a deleted virtual host ends its connections with 320, and no others', async () => {
  broker.virtualHosts.create('a')
  const [inside, outside] = [await enter('a'), await enter('/')]
  const channel = await inside.createChannel()
  await channel.assertQueue('', { exclusive: true })
  const closed = vi.fn<(error: Error) => void>()
  inside.on('close', closed)
  broker.virtualHosts.delete('a')
  await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
  expect(closed.mock.calls[0]?.[0].message).toMatch(/320.*CONNECTION_FORCED - vhost 'a' is deleted/s)
  await (await outside.createChannel()).assertQueue('q')
  await vi.waitFor(() => expect(server.connections).toBe(1))
})
