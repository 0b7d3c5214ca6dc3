import { afterAll, beforeAll, vi } from 'vitest'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { RedisServer } from '../testing/servers/redis-server.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { redisHarness } from './harnesses/redis-harness.ts'
import { concurrently } from './concurrently.test-support.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

const missing = RedisServer.findProgram() === undefined ? 'redis-server is not installed' : undefined

// The clauses that restart the server, and the long ones, run in `npm run conformance -- --transport redis`.
describeNeeding(missing)('transportConformance() on a Redis of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await redisHarness()
  }, 60_000)
  afterAll(async () => {
    await harness?.close()
  }, 60_000)
  transportConformance({
    ...lazily(() => harness),
    test: concurrently,
    select: ({ title, long }) => !long && !title.startsWith('broker/'),
  })
})
