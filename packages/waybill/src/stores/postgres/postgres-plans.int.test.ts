// What the server makes of the statements once it has seen them often enough to keep their plans.
import pg from 'pg'
import { expect, test } from 'vitest'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import type { NewOutboxRow } from '../../store/store.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { channel, message } from '../../transport/fixtures.test-support.ts'
import { postgresStore } from './postgres-store.ts'

const MANY = 10_000
const EACH = 100
const EVERY_LANE = Array.from({ length: 32 }, (_, lane) => lane)

describeNeeding(PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined)(
  'postgresStore()',
  () => {
    test('removes rows by their index, also where it began with a table that was nearly empty', async () => {
      await using server = await PostgresServer.start()
      // One connection, so that each statement has the plans of those before it.
      const pool = new pg.Pool({ connectionString: server.url, max: 1 })
      const store = postgresStore(pool)
      await store.open(systemRuntime(), AbortSignal.timeout(10_000))
      const relayed = async (count: number): Promise<void> => {
        const rows = await store.outbox.fetch(EVERY_LANE, 0n, count)
        expect(rows).toHaveLength(count)
        await store.outbox.remove(rows.map(({ position }) => position))
      }
      const written = async (count: number): Promise<void> => {
        const entries: NewOutboxRow[] = Array.from({ length: count }, (_, n) => ({
          message: message(`m${n}`, { key: String(n) }),
          to: channel('events', 'orders'),
        }))
        await store.transaction((tx) => store.within(tx).enqueue(entries))
      }
      for (let n = 0; n < 20; n++) {
        await written(1)
        await relayed(1)
      }
      await written(MANY)
      for (let n = 0; n < MANY / EACH; n++) await relayed(EACH)

      // The server writes down what a connection has counted when it ends.
      await store.close()
      await pool.end()
      const admin = new pg.Client(server.url)
      await admin.connect()
      const counted = async (): Promise<{ readonly removed: number; readonly readThrough: number }> => {
        const { rows } = await admin.query<{ removed: string; read: string }>(
          "SELECT n_tup_del AS removed, seq_tup_read AS read FROM pg_stat_user_tables WHERE relname = 'waybill_outbox'",
        )
        return { removed: Number(rows[0]?.removed), readThrough: Number(rows[0]?.read) }
      }
      await expect.poll(async () => (await counted()).removed, { timeout: 30_000 }).toBe(MANY + 20)
      const { readThrough } = await counted()
      await admin.end()
      expect(readThrough).toBeLessThan(MANY)
    })
  },
)
