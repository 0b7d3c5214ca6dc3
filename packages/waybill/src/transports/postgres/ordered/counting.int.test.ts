import { afterAll, beforeAll } from 'vitest'
import { drillOrderedCounts } from '../../../conformance/ordered-counts-drill.test-support.ts'
import { describeNeeding } from '../../../testing/needing.test-support.ts'
import { PostgresServer } from '../../../testing/servers/postgres-server.ts'
import { postgresDrillEngine } from '../drill-engine.test-support.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

describeNeeding(missing)('deliveries of an ordered group on PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => void (server = await PostgresServer.start()), 60_000)
  afterAll(() => server.stop(), 60_000)

  drillOrderedCounts(() => postgresDrillEngine(server))
})
