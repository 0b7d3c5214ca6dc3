// Whom the tests of the API ask: Waybill, and RabbitMQ with its plugin rabbitmq_management. What both have to say is said
// once.
import { connect, type ChannelModel } from 'amqplib'
import { afterAll, beforeAll } from 'vitest'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ_MANAGEMENT, RABBITMQ_MANAGEMENT_URL } from '../../testing/rabbitmq-management-url.test-support.ts'
import { ApiClient } from './api-client.test-support.ts'
import { startManaged } from './management.test-support.ts'

export interface Peer {
  readonly name: 'Waybill' | 'RabbitMQ'
  readonly api: ApiClient
  readonly amqpPort: number
  /** How long what has happened may take to be shown: RabbitMQ counts every five seconds. */
  readonly shownWithin: { readonly timeout: number }
  /** A client of its own, which goes with the tests. */
  readonly connect: (name?: string) => Promise<ChannelModel>
}

/** Runs the tests against every peer. */
export function describeApi(what: string, tests: (peer: () => Peer) => void): void {
  for (const [name, start, missing] of [
    ['Waybill', waybill, undefined],
    ['RabbitMQ', rabbitmq, NO_RABBITMQ_MANAGEMENT],
  ] as const) {
    describeNeeding(missing)(`${what}: ${name}`, () => {
      let started: { readonly peer: Peer; close(): Promise<void> } | undefined
      const connections: ChannelModel[] = []
      beforeAll(async () => {
        started = await start(connections)
      })
      afterAll(async () => {
        for (const connection of connections) await connection.close().catch(() => {})
        await started?.close()
      })
      tests(() => {
        if (started === undefined) throw new Error('not started')
        return started.peer
      })
    })
  }
}

async function waybill(connections: ChannelModel[]): Promise<{ peer: Peer; close(): Promise<void> }> {
  const { api, amqpPort, close } = await startManaged()
  const peer: Peer = {
    name: 'Waybill',
    api,
    amqpPort,
    shownWithin: { timeout: 2_000 },
    connect: (name) => client(connections, amqpPort, name),
  }
  return { peer, close }
}

async function rabbitmq(connections: ChannelModel[]): Promise<{ peer: Peer; close(): Promise<void> }> {
  const api = new ApiClient(RABBITMQ_MANAGEMENT_URL)
  const { body } = await api.get('overview')
  const { port: amqpPort } = body.listeners.find(({ protocol }: { protocol: string }) => protocol === 'amqp')
  const peer: Peer = {
    name: 'RabbitMQ',
    api,
    amqpPort,
    shownWithin: { timeout: 15_000 },
    connect: (name) => client(connections, amqpPort, name),
  }
  return { peer, close: async () => {} }
}

async function client(connections: ChannelModel[], port: number, name?: string): Promise<ChannelModel> {
  const options = name === undefined ? {} : { clientProperties: { connection_name: name } }
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`, options)
  connection.on('error', () => {})
  connections.push(connection)
  return connection
}
