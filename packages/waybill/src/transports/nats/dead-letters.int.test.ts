import { afterAll, beforeAll } from 'vitest'
import { drillDeadLetters } from '../../conformance/dead-letter-drill.test-support.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import { nats } from './nats.ts'

describeOwnNats('dead letters on NATS', () => {
  let server: NatsServer
  beforeAll(async () => void (server = await NatsServer.start()), 60_000)
  afterAll(() => server.stop(), 60_000)

  drillDeadLetters(() => ({
    name: 'nats',
    host: '127.0.0.1',
    port: server.port,
    url: (host, port) => `nats://${host}:${port}`,
    connect: async (url) => {
      const transport = await nats({ servers: url, lease: '2s', ackWait: '2s' })(systemRuntime())
      await transport.connect(AbortSignal.timeout(20_000))
      return transport
    },
    // The window for duplicates is minutes long.
    isExact: true,
  }))
})
