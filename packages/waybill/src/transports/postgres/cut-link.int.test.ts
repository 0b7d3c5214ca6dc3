import { describeNeeding } from '../../testing/needing.test-support.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { connectedBy } from '../../testing/connected.test-support.ts'
import { testCutLink } from '../../testing/link-drill.test-support.ts'
import { postgres } from './postgres.ts'

const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

describeNeeding(missing)('a cut link on PostgreSQL', () => {
  testCutLink({
    start: () => PostgresServer.start(),
    connect: (port) => connectedBy(postgres({ url: `postgres://postgres@127.0.0.1:${port}/postgres`, lease: '1s' })),
  })
})
