import type { DrillEngine } from '../../conformance/dead-letter-drill.test-support.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { KafkaServer } from '../../testing/servers/kafka-server.ts'
import { KafkaTransport } from './kafka-transport.ts'

/** A broker of our own, for the drills of what every engine must survive. */
export function kafkaDrillEngine(server: KafkaServer): DrillEngine {
  return {
    name: 'kafka',
    host: '127.0.0.1',
    port: server.port,
    url: (host, port) => `kafka://${host}:${port}`,
    connect: async (url) => {
      const { hostname: host, port } = new URL(url)
      const address = { host, port: Number(port) }
      // The broker tells everybody its own address, behind whatever proxy a client is.
      const settings = { addresses: [address], options: {}, reach: () => address }
      const transport = new KafkaTransport(settings, systemRuntime())
      await transport.connect(AbortSignal.timeout(20_000))
      return transport
    },
    isExact: false,
  }
}
