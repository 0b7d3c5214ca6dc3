import pg from 'pg'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import type { Group } from '../../transport/transport.ts'
import { channelKey } from '../../transports/postgres/names.ts'
import { postgres } from '../../transports/postgres/postgres.ts'
import { messageOf, type StoredMessage } from '../../message/stored-message.ts'
import type { Harness } from './embedded-harness.ts'
import { MemberProxies } from './member-proxies.ts'

const SCHEMA = 'waybill'

/** A PostgreSQL of our own, each member behind a proxy of its own. */
export async function postgresHarness(runtime: Runtime = systemRuntime()): Promise<Harness> {
  const server = await PostgresServer.start()
  const proxies = new MemberProxies()
  const query = async <Row extends object>(text: string, values: unknown[]): Promise<readonly Row[]> => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    try {
      return (await client.query<Row>(text, values)).rows
    } finally {
      await client.end()
    }
  }
  return {
    runtime,
    createTransport: () =>
      proxies.member({ host: '127.0.0.1', port: server.port }, (port) =>
        // A silent peer, and what a dead member held, are given up soon enough for a test.
        postgres({
          url: `postgres://postgres@127.0.0.1:${port}/postgres`,
          schema: SCHEMA,
          lease: '3s',
          pollInterval: '1s',
        })(runtime),
      ),
    /** As any client reads them: they stay where they are. */
    readDeadLetters: async (group): Promise<readonly WireMessage[]> =>
      (await query<StoredMessage>(`SELECT head, body FROM ${SCHEMA}.dead ${OF_GROUP} ORDER BY id`, namesOf(group))).map(
        messageOf,
      ),
    makeForeignQueue: { cannot: 'PostgreSQL has no queue that ordinary clients would share with Waybill' },
    faults: {
      ...proxies.faults,
      restartBroker: async () => {
        await server.kill()
        await server.restart()
      },
      /** As an operator deletes them. */
      dropConsumers: async (group) => void (await query(`DELETE FROM ${SCHEMA}.member ${OF_GROUP}`, namesOf(group))),
      block: {
        cannot: 'PostgreSQL does not hold publishers back: short of memory or disk, it refuses what they store',
      },
    },
    close: () => server.stop(),
  }
}

const OF_GROUP = `WHERE group_id IN (SELECT g.id FROM ${SCHEMA}.consumer_group g JOIN ${SCHEMA}.channel c ON c.id = g.channel_id
  WHERE c.key = $1 AND g.name = $2 AND NOT g.transient)`

function namesOf(group: Group): unknown[] {
  return [channelKey(group.channel), group.name]
}
