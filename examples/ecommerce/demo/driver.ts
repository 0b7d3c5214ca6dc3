// Runs the whole system, every service in a process of its own, shoots a part of it in the middle, and accounts for every
// order.
//   npm run demo                       on the embedded broker, which is shot together with a service
//   WAYBILL_URL=amqp://… npm run demo  on RabbitMQ, NATS (nats://…), Kafka (kafka://…), Redis (redis://…) or PostgreSQL (postgres://…); a service is shot
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProcessGroup } from './process-group.ts'
import { readLedger } from './ledger.ts'
import { reportOf } from './report.ts'
import { verdictOf } from './verdict.ts'

const RUN_MS = Number(process.env['DEMO_SECONDS'] ?? 18) * 1_000
const KILL_AT_MS = RUN_MS * 0.45
const SETTLE_LIMIT_MS = 30_000
const SERVERS: Readonly<Record<string, string>> = {
  amqp: 'RabbitMQ',
  amqps: 'RabbitMQ',
  nats: 'NATS',
  tls: 'NATS',
  kafka: 'Kafka',
  redis: 'Redis',
  postgres: 'PostgreSQL',
  postgresql: 'PostgreSQL',
  rediss: 'Redis',
}
const ROLES = ['orders', 'inventory', 'payments', 'shipping', 'notifications']

const url = process.env['WAYBILL_URL']
const home = mkdtempSync(join(tmpdir(), 'waybill-demo-'))
const ledgers = mkdtempSync(join(home, 'ledger-'))
/** A server that somebody else runs; `undefined` for a folder. */
const server = SERVERS[/^([a-z]+):\/\//.exec(url ?? '')?.[1] ?? '']
const folder = url ?? join(home, 'data')
const group = new ProcessGroup({ ledgers, env: { ...process.env, WAYBILL_URL: folder } })
/** Order numbers of this run alone: a broker may still hold the orders of another. */
const run = Date.now().toString(36)
const startedAt = Date.now()
const elapsed = (): number => Date.now() - startedAt

let exitCode = 1
try {
  console.log(`five services on ${server ?? 'the embedded broker'}, a process each`)
  // An event has no recipient before somebody has subscribed once: the shop opens when its services are there.
  await Promise.all(ROLES.map((role) => group.start([role], `${run}a`)))
  await group.start(['shop'], `${run}a`)
  await progressUntil(() => elapsed() >= KILL_AT_MS)
  const pid = group.kill(['payments'])
  console.log(`\n  kill -9 ${pid} (payments) … and start it again`)
  if (server === undefined) killBroker()
  await group.start(['payments'], `${run}b`)
  await progressUntil(() => elapsed() >= RUN_MS)
  group.say('stop')
  const until = elapsed() + SETTLE_LIMIT_MS
  await progressUntil(() => allAccountedFor() || elapsed() > until)
  await group.end()
  const verdict = verdictOf(readLedger(ledgers))
  console.log(`\n\n${reportOf(verdict)}`)
  exitCode = verdict.lost.length === 0 && verdict.confirmed > 0 ? 0 : 1
} finally {
  await group.end()
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(exitCode)

/** The services start another one by themselves. */
function killBroker(): void {
  const { pid } = JSON.parse(readFileSync(join(folder, 'broker.json'), 'utf8')) as { readonly pid: number } // its own file
  process.kill(pid, 'SIGKILL')
  console.log(`  kill -9 ${pid} (the broker)`)
}

function allAccountedFor(): boolean {
  return verdictOf(readLedger(ledgers)).lost.length === 0
}

async function progressUntil(done: () => boolean): Promise<void> {
  while (!done()) {
    await new Promise((resolve) => setTimeout(resolve, 250))
    const { confirmed, steps, dead } = verdictOf(readLedger(ledgers))
    const aside = dead.reduce((sum, { count }) => sum + count, 0)
    const line =
      `  ${(elapsed() / 1000).toFixed(0).padStart(3)} s   confirmed ${confirmed}   placed ${steps.placed}   reserved ${steps.reserved}   ` +
      `paid ${steps.paid}   shipped ${steps.shipped}   told ${steps.told}   refused ${steps.refused}   dead letters ${aside}`
    if (process.stdout.isTTY) process.stdout.write(`\r${line}`)
    else if (Math.floor(elapsed() / 250) % 8 === 0) console.log(line)
  }
}
