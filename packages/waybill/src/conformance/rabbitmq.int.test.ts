import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { RabbitmqServer } from '../testing/servers/rabbitmq-server.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { rabbitmqHarness } from './harnesses/rabbitmq-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

const installed = RabbitmqServer.findProgram() !== undefined
if (!installed && process.env['CI'] !== undefined) throw new Error('rabbitmq-server is not installed')

// The clauses that restart the broker, and the long ones, run in `npm run conformance -- --transport rabbitmq`.
describe.skipIf(!installed)('transportConformance() on a RabbitMQ node of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await rabbitmqHarness()
  }, 120_000)
  afterAll(async () => {
    await harness?.close()
  }, 60_000)
  transportConformance({
    ...lazily(() => harness),
    test,
    select: ({ title, long }) => !long && !title.startsWith('broker/'),
  })
})
