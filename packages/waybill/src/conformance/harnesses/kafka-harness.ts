import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { KafkaServer } from '../../testing/servers/kafka-server.ts'
import { KafkaClient } from '../../transports/kafka/kafka-client.ts'
import { KafkaTransport } from '../../transports/kafka/kafka-transport.ts'
import type { Harness } from './embedded-harness.ts'
import { MemberProxies } from './member-proxies.ts'

/** A member learns of a link that is stalled or half open in this time, instead of 20 s. */
const SILENCE_MS = 2_000

/**
 * A Kafka broker of our own, each member behind a proxy of its own. The broker tells every client the same address of
 * itself; a member reaches it through its proxy all the same, as a client behind a network address translation does.
 */
export async function kafkaHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const server = await KafkaServer.start()
  const proxies = new MemberProxies()
  const direct = { host: '127.0.0.1', port: server.port }
  const asClient = async <T>(use: (client: KafkaClient) => Promise<T>): Promise<T> => {
    const client = await KafkaClient.open({ addresses: [direct], options: {} }, runtime)
    try {
      return await use(client)
    } finally {
      client.close()
    }
  }
  return {
    runtime,
    createTransport: () =>
      proxies.member(direct, (port) => {
        const address = { host: '127.0.0.1', port }
        const settings = { addresses: [address], options: { silenceMs: SILENCE_MS }, reach: () => address }
        return new KafkaTransport(settings, runtime)
      }),
    readDeadLetters: (group) => asClient((client): Promise<readonly WireMessage[]> => client.deadLetters(group)),
    makeForeignQueue: () =>
      asClient(async (client) => {
        const name = `foreign.${runtime.newId()}`
        await client.makeTopic(name)
        return name
      }),
    cleanUp: (left) => asClient((client) => client.remove(left)),
    faults: {
      ...proxies.faults,
      restartBroker: async () => {
        await server.kill()
        await server.restart()
      },
      block: {
        cannot:
          'Kafka stores what comes beyond a quota, and makes the client wait afterwards: it never holds a message back',
      },
      dropConsumers: (group) => asClient((client) => client.dropMembers(group)),
    },
    close: () => server.stop(),
  }
}
