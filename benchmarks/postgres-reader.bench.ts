// PostgreSQL under steady load for as many minutes as told, while somebody else reads in the same database all the time:
// his snapshot keeps every dead row. Each minute, one slice there and one in a database beside it that has neither.
import pg from 'pg'
import { postgres } from 'waybill'
import { PostgresServer } from '../packages/waybill/src/testing/servers/postgres-server.ts'
import { measured } from './measured-run.ts'
import { interval, median } from './pairs.ts'
import { SeamClient } from './seam-client.ts'

const BODY = Buffer.alloc(100, 'x')
const SLICE = { messages: 20_000, window: 256, body: BODY }
/** One second's load. */
const STEADY = { messages: 1_000, window: 256, body: BODY }
const LOST_AT_MOST = 0.2

interface Slice {
  readonly read: number
  readonly calm: number
}

export async function postgresReaderBench(minutes: number): Promise<void> {
  const server = await PostgresServer.start()
  const calmUrl = server.url.replace(/postgres$/, 'calm')
  const admin = new pg.Client(server.url)
  const reader = new pg.Client(server.url)
  try {
    await admin.connect()
    await admin.query('CREATE DATABASE calm')
    const [steady, read, calm] = await Promise.all([
      SeamClient.open(postgres({ url: server.url }), 'steady'),
      SeamClient.open(postgres({ url: server.url }), 'slices'),
      SeamClient.open(postgres({ url: calmUrl }), 'slices'),
    ])
    try {
      await Promise.all([read.run(SLICE), calm.run(SLICE)])
      await reader.connect()
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      const slices: Slice[] = []
      let sent = 0
      for (let minute = 1; minute <= minutes; minute++) {
        const until = performance.now() + 60_000
        await reader.query('SELECT count(*) FROM pg_class')
        const swapped = minute % 2 === 0
        const first = await measured(SLICE.messages, () => (swapped ? calm : read).run(SLICE))
        const second = await measured(SLICE.messages, () => (swapped ? read : calm).run(SLICE))
        const [there, beside] = swapped ? [second, first] : [first, second]
        slices.push({ read: there.perSecond, calm: beside.perSecond })
        sent += await steadyUntil(until, steady)
        console.log(
          `minute ${minute}: ${there.perSecond.toFixed(0)}/s there, ${beside.perSecond.toFixed(0)}/s beside it, ` +
            `ratio ${(there.perSecond / beside.perSecond).toFixed(2)}; ${await stateOf(admin)}`,
        )
      }
      report(slices, sent)
    } finally {
      await Promise.all([steady.close(), read.close(), calm.close()])
    }
  } finally {
    await reader.end()
    await admin.end()
    await server.stop()
  }
}

async function steadyUntil(until: number, client: SeamClient): Promise<number> {
  let sent = 0
  while (performance.now() < until) {
    const next = performance.now() + 1_000
    await client.run(STEADY)
    sent += STEADY.messages
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())))
  }
  return sent
}

/** How much lies about: the tables of the queue with everything that belongs to them, and the reader's age. */
async function stateOf(admin: pg.Client): Promise<string> {
  const { rows } = await admin.query<{ bytes: string; age: string }>(
    `SELECT sum(pg_total_relation_size(c.oid)) AS bytes,
            (SELECT max(age(backend_xmin)) FROM pg_stat_activity WHERE datname = current_database()) AS age
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'waybill' AND c.relkind = 'r'`,
  )
  const [row] = rows
  return `${(Number(row?.bytes ?? 0) / 1e6).toFixed(0)} MB of tables, snapshot ${row?.age ?? '?'} transactions old`
}

function report(slices: readonly Slice[], sent: number): void {
  const part = Math.max(1, Math.floor(slices.length / 6))
  const ratios = (of: readonly Slice[]): readonly number[] => of.map(({ read, calm }) => read / calm)
  const first = slices.slice(0, part)
  const last = slices.slice(-part)
  const kept = median(ratios(last)) / median(ratios(first))
  console.log(`PostgreSQL with a reader: ${slices.length} minutes, ${sent} messages of steady load beside the slices`)
  console.log(
    `  there /s, first sixth                 ${interval(
      first.map(({ read }) => read),
      0,
    )}`,
  )
  console.log(
    `  there /s, last sixth                  ${interval(
      last.map(({ read }) => read),
      0,
    )}`,
  )
  console.log(`  of the one beside it, first sixth     ${interval(ratios(first))}`)
  console.log(`  of the one beside it, last sixth      ${interval(ratios(last))}`)
  console.log(`  kept (target >= ${1 - LOST_AT_MOST})                  ${kept.toFixed(2)}`)
}
