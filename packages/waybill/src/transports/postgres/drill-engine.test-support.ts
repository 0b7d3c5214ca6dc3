import type { DrillEngine } from '../../conformance/dead-letter-drill.test-support.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { postgres } from './postgres.ts'

/** A server of our own, for the drills of what every engine must survive. */
export function postgresDrillEngine(server: PostgresServer): DrillEngine {
  return {
    name: 'postgres',
    host: '127.0.0.1',
    port: server.port,
    url: (host, port) => server.url.replace(/@[^/]+\//, `@${host}:${port}/`),
    connect: async (url) => {
      const transport = await postgres({ url, lease: '1s' })(systemRuntime())
      await transport.connect(AbortSignal.timeout(20_000))
      return transport
    },
    isExact: true,
  }
}
