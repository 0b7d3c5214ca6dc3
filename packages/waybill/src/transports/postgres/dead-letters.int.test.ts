import { afterAll, beforeAll } from 'vitest'
import { drillDeadLetters } from '../../conformance/dead-letter-drill.test-support.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { postgresDrillEngine } from './drill-engine.test-support.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

describeNeeding(missing)('dead letters on PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => void (server = await PostgresServer.start()), 60_000)
  afterAll(() => server.stop(), 60_000)

  drillDeadLetters(() => postgresDrillEngine(server))
})
