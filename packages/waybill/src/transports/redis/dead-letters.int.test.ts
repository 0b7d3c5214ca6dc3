import { afterAll, beforeAll } from 'vitest'
import { drillDeadLetters } from '../../conformance/dead-letter-drill.test-support.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { redis } from './redis.ts'

describeOwnRedis('dead letters on Redis', () => {
  let server: RedisServer
  beforeAll(async () => void (server = await RedisServer.start()), 60_000)
  afterAll(() => server.stop(), 60_000)

  drillDeadLetters(() => ({
    name: 'redis',
    host: '127.0.0.1',
    port: server.port,
    url: (host, port) => `redis://${host}:${port}`,
    connect: async (url) => {
      const transport = await redis({ url, lease: '1s' })(systemRuntime())
      await transport.connect(AbortSignal.timeout(20_000))
      return transport
    },
    isExact: true,
  }))
})
