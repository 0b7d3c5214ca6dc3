import { afterAll, beforeAll, vi } from 'vitest'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { PostgresServer } from '../testing/servers/postgres-server.ts'
import type { Harness } from './harnesses/embedded-harness.ts'
import { lazily } from './harnesses/lazily.ts'
import { postgresHarness } from './harnesses/postgres-harness.ts'
import { concurrently } from './concurrently.test-support.ts'
import { transportConformance } from './transport-conformance.ts'

vi.setConfig({ testTimeout: 60_000 })

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

// The clauses that restart the server, and the long ones, run in `npm run conformance -- --transport postgres`.
describeNeeding(missing)('transportConformance() on a PostgreSQL of our own', () => {
  let harness: Harness | undefined
  beforeAll(async () => {
    harness = await postgresHarness()
  }, 60_000)
  afterAll(async () => {
    await harness?.close()
  }, 60_000)
  transportConformance({
    ...lazily(() => harness),
    makeForeignQueue: { cannot: 'PostgreSQL has no queue that ordinary clients would share with Waybill' },
    test: concurrently,
    select: ({ title, long }) => !long && !title.startsWith('broker/'),
  })
})
