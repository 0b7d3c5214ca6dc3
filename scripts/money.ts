// npm run money -- [--transport rabbitmq] [--store postgres] [--seconds 120] [--rate 100]
// Money moves between 1,000 accounts, through messages, in four processes, one of which is killed at any instant and started
// again. In the end the total is what it was, and each transfer was applied once.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createBus, silentLogger } from 'waybill'
import { resolveTransport } from '../packages/waybill/src/bus/settings/resolve-transport.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { openDatabase } from './crash/databases.ts'
import { CrashServers, STORES, TRANSPORTS, type StoreName, type TransportName } from './crash/servers.ts'
import { ACCOUNTS, Accounts, bankContract, type Transfer } from './money/accounts.ts'
import { faultsIn } from './money/audit.ts'
import { Tellers } from './money/tellers.ts'

const PROCESSES = 4
/** Between two kills. */
const CALM_MS = [200, 1_500] as const
/** Everything is done when nothing has changed for so long, or all of it was. */
const QUIET_MS = 30_000

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'rabbitmq' },
    store: { type: 'string', default: 'postgres' },
    seconds: { type: 'string', default: '120' },
    rate: { type: 'string', default: '100' },
  },
})
const transport = TRANSPORTS.find((each) => each === values.transport)
const store = STORES.find((each) => each === values.store)
if (transport === undefined || store === undefined) {
  console.error(
    `npm run money -- --transport ${TRANSPORTS.join('|')} --store ${STORES.join('|')} [--seconds n] [--rate n]`,
  )
  process.exit(2)
}

let transfers = 0
const servers = new CrashServers()
setInterval(() => {}, 1_000)
process.exit(await runOn(transport, store))

async function runOn(engine: TransportName, database: StoreName): Promise<number> {
  try {
    return await run(await servers.transportUrl(engine), await servers.databaseUrl(database))
  } finally {
    await servers.close()
  }
}

async function run(transportUrl: string, databaseUrl: string): Promise<number> {
  const database = await openDatabase(databaseUrl)
  const accounts = new Accounts(database)
  const name = `bank${randomInt(1e9).toString(36)}`
  const bank = bankContract(name)
  await database.store.open(systemRuntime(), new AbortController().signal)
  await accounts.open()
  const { factory } = await resolveTransport({ url: transportUrl, mode: undefined, cwd: process.cwd() })
  const bus = await createBus({ transport: factory, name: 'customers', logger: silentLogger, drainOn: [] })
  const tellers = new Tellers([transportUrl, databaseUrl, name])
  const sent: Transfer[] = []
  try {
    await tellers.start(PROCESSES)
    const until = performance.now() + Number(values.seconds) * 1_000
    await Promise.all([send(), killAtRandom()])
    await allDone()

    async function send(): Promise<void> {
      while (performance.now() < until) {
        const next = performance.now() + 100
        const batch = Array.from({ length: Math.max(1, Number(values.rate) / 10) }, newTransfer)
        await Promise.all(
          batch.map((transfer) => bus.send(bank.transfer, transfer, { id: transfer.id, timeout: '60s' })),
        )
        sent.push(...batch)
        await pause(Math.max(0, next - performance.now()))
      }
    }
    async function killAtRandom(): Promise<void> {
      while (performance.now() < until) {
        await pause(randomInt(...CALM_MS))
        await tellers.replaceOne()
      }
    }
    async function allDone(): Promise<void> {
      let seen = -1
      for (let since = performance.now(); performance.now() - since < QUIET_MS;) {
        const count = await accounts.countOf('credits')
        if (count >= sent.length) return
        if (count !== seen) since = performance.now()
        seen = count
        await pause(200)
      }
    }
  } finally {
    await tellers.end()
    await bus.drain('1s')
  }
  const halves = { debits: await accounts.done('debits'), credits: await accounts.done('credits') }
  const faults = faultsIn({ sent, balances: await accounts.balances(), halves })
  await database.store.close()
  await database.close()
  const money = `${sent.reduce((sum, { amount }) => sum + amount, 0)} cents in ${sent.length} transfers`
  console.log(
    `${transport} with ${store}: ${money} between ${ACCOUNTS} accounts; ${PROCESSES} processes, ${tellers.kills} kills`,
  )
  for (const fault of faults) console.log(`  FAULT  ${fault}`)
  console.log(`  ${faults.length === 0 ? 'total unchanged, each transfer applied once' : `${faults.length} faults`}`)
  return faults.length > 0 ? 1 : 0
}

function newTransfer(): Transfer {
  const from = randomInt(ACCOUNTS)
  const to = (from + randomInt(1, ACCOUNTS)) % ACCOUNTS
  return { id: `t${++transfers}`, from, to, amount: randomInt(1, 500) }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
