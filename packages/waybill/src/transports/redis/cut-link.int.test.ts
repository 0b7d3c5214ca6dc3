import { describeOwnRedis } from '../../testing/servers/describe-own-redis.test-support.ts'
import { RedisServer } from '../../testing/servers/redis-server.ts'
import { testCutLink } from '../../testing/link-drill.test-support.ts'
import { connected } from './redis.test-support.ts'

describeOwnRedis('a cut link on Redis', () => {
  testCutLink({
    start: () => RedisServer.start(),
    connect: (port) => connected({ url: `redis://127.0.0.1:${port}`, lease: '1s' }),
  })
})
