import { afterAll, beforeAll, vi } from 'vitest'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { NatsServer } from '../testing/servers/nats-server.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { natsHarness } from './harnesses/nats-harness.ts'
import { concurrently } from './concurrently.test-support.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

const missing = NatsServer.findProgram() === undefined ? 'nats-server is not installed' : undefined

// The clauses that restart the server, and the long ones, run in `npm run conformance -- --transport nats`.
describeNeeding(missing)('transportConformance() on a nats-server of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await natsHarness()
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
