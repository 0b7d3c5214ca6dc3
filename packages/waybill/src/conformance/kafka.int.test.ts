import { afterAll, beforeAll, vi } from 'vitest'
import { describeOwnKafka } from '../testing/servers/describe-own-kafka.test-support.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { kafkaHarness } from './harnesses/kafka-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { concurrently } from './concurrently.test-support.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

// The clauses that restart the broker, and the long ones, run in `npm run conformance -- --transport kafka`.
describeOwnKafka('transportConformance() on a Kafka broker of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await kafkaHarness()
  }, 600_000)
  afterAll(async () => {
    await harness?.close()
  }, 60_000)
  transportConformance({
    ...lazily(() => harness),
    // A topic for each channel and three for each group: a thousand clauses' worth would slow the broker down.
    cleanUp: async (left) => await harness?.cleanUp?.(left),
    test: concurrently,
    select: ({ title, long }) => !long && !title.startsWith('broker/'),
  })
})
