import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import type { Group } from '../../transport/transport.ts'
import { decodeMessage } from '../../transports/nats/message-mapping.ts'
import { Names } from '../../transports/nats/names.ts'
import { nats } from '../../transports/nats/nats.ts'
import type { Harness } from './embedded-harness.ts'
import { MemberProxies } from './member-proxies.ts'

const PREFIX = 'waybill'

/** A nats-server of our own with JetStream, each member behind a proxy of its own. */
export async function natsHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const server = await NatsServer.start()
  const proxies = new MemberProxies()
  const asClient = async <T>(use: (connection: NatsConnection) => Promise<T>): Promise<T> => {
    const connection = await connect({ servers: server.url, reconnect: false })
    try {
      return await use(connection)
    } finally {
      await connection.close()
    }
  }
  return {
    runtime,
    createTransport: () =>
      proxies.member({ host: '127.0.0.1', port: server.port }, (port) =>
        // A silent peer, and what a dead member held, are given up soon enough for a test.
        nats({
          servers: `nats://127.0.0.1:${port}`,
          prefix: PREFIX,
          pingInterval: '1s',
          ackWait: '3s',
          lease: '3s',
        })(runtime),
      ),
    readDeadLetters: (group) => asClient((connection) => deadLettersOf(connection, group)),
    makeForeignQueue: () =>
      asClient(async (connection) => {
        const subject = `conformance.foreign.${runtime.newId()}`
        await (
          await jetstreamManager(connection)
        ).streams.add({ name: subject.replaceAll('.', '-'), subjects: [subject] })
        return subject
      }),
    faults: {
      ...proxies.faults,
      restartBroker: async () => {
        await server.kill()
        await server.restart()
      },
      dropConsumers: (group) => asClient((connection) => dropConsumers(connection, group)),
      block: {
        cannot: 'nats-server does not hold publishers back: short of memory or disk, it refuses what they publish',
      },
    },
    close: () => server.stop(),
  }
}

/** As any client reads them: by a consumer of their subject. They stay where they are. */
async function deadLettersOf(connection: NatsConnection, group: Group): Promise<readonly WireMessage[]> {
  const names = new Names(PREFIX)
  const [stream, subject] = [names.side(group.channel), names.deadLetters(group)]
  const manager = await jetstreamManager(connection)
  const { state } = await manager.streams.info(stream, { subjects_filter: subject })
  const wanted = state.subjects?.[subject] ?? 0
  const letters: WireMessage[] = []
  if (wanted === 0) return letters
  const { name } = await manager.consumers.add(stream, { filter_subject: subject, ack_policy: 'explicit' })
  const consumer = await jetstream(connection).consumers.get(stream, name)
  for await (const letter of await consumer.fetch({ max_messages: wanted, expires: 5_000 }))
    letters.push(decodeMessage(letter.headers, letter.data))
  await manager.consumers.delete(stream, name)
  return letters
}

/** Tries to drop one consumer. */
const MOST_DROPS = 5

/** As an operator deletes them. */
async function dropConsumers(connection: NatsConnection, group: Group): Promise<void> {
  const names = new Names(PREFIX)
  const { consumers } = await jetstreamManager(connection)
  const name = names.consumer(group)
  for (const stream of [names.stream(group.channel), names.side(group.channel)])
    for await (const { name: each } of consumers.list(stream))
      if (each === name || each.startsWith(`${name}+`)) await dropped(() => consumers.delete(stream, each))
}

/** The server may be writing a file of the consumer at that instant, and then fails to remove its folder: the next try does. */
async function dropped(drop: () => Promise<boolean>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await drop()
      return
    } catch (error) {
      if (tries === MOST_DROPS || !(error instanceof Error) || !error.message.includes('directory not empty'))
        throw error
    }
  }
}
