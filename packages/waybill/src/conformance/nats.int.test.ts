import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { NatsServer } from '../testing/servers/nats-server.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { natsHarness } from './harnesses/nats-harness.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

const installed = NatsServer.findProgram() !== undefined
if (!installed && process.env['CI'] !== undefined) throw new Error('nats-server is not installed')

// The clauses that restart the server, and the long ones, run in `npm run conformance -- --transport nats`.
describe.skipIf(!installed)('transportConformance() on a nats-server of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await natsHarness()
  }, 60_000)
  afterAll(async () => {
    await harness?.close()
  }, 60_000)
  transportConformance({
    ...lazily(() => harness),
    test,
    select: ({ title, long }) => !long && !title.startsWith('broker/'),
  })
})
