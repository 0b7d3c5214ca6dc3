// What an operator has set on a server of Redis is read at the start, and told or refused where it would lose messages.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer, type RedisSettings } from '../../testing/servers/redis-server.ts'
import { redis } from '../../transports/redis/redis.ts'
import type { Bus } from '../bus.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

describeOwnRedis('createBus() on a Redis of our own', () => {
  const servers: RedisServer[] = []
  let always: RedisServer
  beforeAll(async () => {
    always = await started({})
  }, 60_000)
  afterAll(async () => {
    for (const server of servers) await server.stop()
  }, 60_000)

  const started = async (settings: RedisSettings): Promise<RedisServer> => {
    const server = await RedisServer.start({ settings })
    servers.push(server)
    return server
  }
  const start = (server: RedisServer, warnings: string[] = []): Promise<Bus> => {
    const { happened } = contract('sales', { happened: event(type<number>()) })
    return createBus({
      transport: redis({ url: server.url }),
      services: [service('till').on(happened, () => {})],
      logger: { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) },
      drainOn: [],
    })
  }

  test('says what may be lost, by what the server tells', async () => {
    await using bus = await start(always)
    expect((await bus.explain()).routes).toMatchObject([{ loss: { window: 'none', source: 'read' }, problems: [] }])
    await using other = await start(await started({ appendfsync: 'everysec' }))
    expect((await other.explain()).routes).toMatchObject([
      { loss: { window: 'power-loss', upToMs: { value: 2_000, source: 'read' } }, problems: [] },
    ])
  })

  test('warns of a server that keeps no append-only file', async () => {
    const warnings: string[] = []
    await using bus = await start(await started({ appendonly: 'no' }), warnings)
    expect(bus.subscriptions).toHaveLength(1)
    expect(warnings).toEqual(['redis keeps messages in memory alone; the death of the server loses them'])
  })

  test('warns of a policy that may evict any key', async () => {
    const warnings: string[] = []
    await using bus = await start(await started({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' }), warnings)
    expect(bus.subscriptions).toHaveLength(1)
    expect(warnings).toEqual([
      expect.stringContaining('redis drops what it has kept, handled or not, beyond 104857600 bytes (read)') as string,
    ])
  })
})
