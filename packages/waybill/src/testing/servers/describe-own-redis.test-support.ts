import { describeNeeding } from '../needing.test-support.ts'
import { RedisServer } from './redis-server.ts'

/** `describe` for tests that start a server of their own, skipped with a reason where Redis is not installed. */
export const describeOwnRedis: (name: string, tests: () => void) => void = describeNeeding(
  RedisServer.findProgram() === undefined ? 'redis-server is not installed' : undefined,
)
