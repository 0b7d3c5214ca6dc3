import { createClient } from '@redis/client'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import type { Group } from '../../transport/transport.ts'
import type { Reply } from '../../transports/redis/connection.ts'
import { decodeMessage, fieldsIn } from '../../transports/redis/message-mapping.ts'
import { isOrdered, Names } from '../../transports/redis/names.ts'
import { redis } from '../../transports/redis/redis.ts'
import type { Harness } from './embedded-harness.ts'
import { MemberProxies } from './member-proxies.ts'

const PREFIX = 'waybill'

type Ask = (...args: readonly string[]) => Promise<Reply>

/** A Redis of our own that syncs before it answers, each member behind a proxy of its own. */
export async function redisHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const server = await RedisServer.start()
  const proxies = new MemberProxies()
  const asClient = async <T>(use: (ask: Ask) => Promise<T>): Promise<T> => {
    const client = createClient({ url: server.url, RESP: 2, commandOptions: { typeMapping: { 36: Buffer } } })
    await client.connect()
    try {
      return await use(async (...args) => await client.sendCommand(args))
    } finally {
      client.destroy()
    }
  }
  return {
    runtime,
    createTransport: () =>
      proxies.member({ host: '127.0.0.1', port: server.port }, (port) =>
        // A silent peer, and what a dead member held, are given up soon enough for a test.
        redis({ url: `redis://127.0.0.1:${port}`, prefix: PREFIX, pingInterval: '1s', lease: '3s' })(runtime),
      ),
    readDeadLetters: (group) => asClient((ask) => deadLettersOf(ask, group)),
    makeForeignQueue: () =>
      asClient(async (ask) => {
        const stream = `conformance.foreign.${runtime.newId()}`
        await ask('XGROUP', 'CREATE', stream, 'somebody', '$', 'MKSTREAM')
        return stream
      }),
    faults: {
      ...proxies.faults,
      restartBroker: async () => {
        await server.kill()
        await server.restart()
      },
      dropConsumers: (group) => asClient((ask) => dropGroup(ask, group)),
      block: { cannot: 'Redis does not hold publishers back: short of memory, it refuses what they publish' },
    },
    close: () => server.stop(),
  }
}

/** As any client reads them. They stay where they are. */
async function deadLettersOf(ask: Ask, group: Group): Promise<readonly WireMessage[]> {
  const letters = (await ask('XRANGE', new Names(PREFIX).deadLetters(group), '-', '+')) as readonly (readonly [
    Reply,
    Reply,
  ])[]
  return letters.map(([, fields]) => decodeMessage(fieldsIn(fields)))
}

/** As an operator destroys a group. */
async function dropGroup(ask: Ask, group: Group): Promise<void> {
  const streams = new Names(PREFIX).streams(group)
  for (const stream of isOrdered(group) ? streams.slice(1) : streams) await ask('XGROUP', 'DESTROY', stream, group.name)
}
