import { afterAll, beforeAll, vi } from 'vitest'
import { describeOwnRabbitmq } from '../testing/servers/describe-own-rabbitmq.test-support.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { rabbitmqHarness } from './harnesses/rabbitmq-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { concurrently } from './concurrently.test-support.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

// The clauses that restart the broker, and the long ones, run in `npm run conformance -- --transport rabbitmq`.
describeOwnRabbitmq('transportConformance() on a RabbitMQ node of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await rabbitmqHarness()
  }, 120_000)
  afterAll(async () => {
    await harness?.close()
  }, 60_000)
  transportConformance({
    ...lazily(() => harness),
    test: concurrently,
    select: ({ title, long }) => !long && !title.startsWith('broker/'),
  })
})
