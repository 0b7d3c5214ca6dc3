// The PostgreSQL transport beside the driver alone, on one server of their own, in alternating rounds.
import { postgres } from 'waybill'
import { PostgresServer } from '../packages/waybill/src/testing/servers/postgres-server.ts'
import { compare } from './compare.ts'
import { RawTable } from './postgres-raw.ts'
import { SeamClient } from './seam-client.ts'

const BODY = Buffer.alloc(100, 'x')
const WINDOW = 256

export async function postgresBench(rounds: number, messages = 20_000): Promise<void> {
  const server = await PostgresServer.start()
  try {
    const seam = await SeamClient.open(postgres({ url: server.url }), 'stored')
    const raw = await RawTable.open(server.url, 'raw_stored')
    try {
      await compare({
        title: 'PostgreSQL: insert, commit, fetch, settle',
        raw: 'pg',
        sides: { seam, raw },
        run: { messages, window: WINDOW, body: BODY },
        rounds,
        targets: { throughput: 0.5, cpu: 2 },
      })
    } finally {
      await raw.close()
      await seam.close()
    }
  } finally {
    await server.stop()
  }
}
