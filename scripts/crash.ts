// npm run crash -- [--transport all|<name>,…] [--store all|<name>,…] [--boundary <name>,…] [--rounds <n>] [--jobs <n>] [--verbose] | --mutants
// Services with a store are killed at each boundary between handler, commit, publish, acknowledge, retry, dead letter and
// redrive; a checker that knows only what was asked and what the services wrote proves that each step was applied once, what
// it published was handled once, and that the order of each key was kept.
import { parseArgs } from 'node:util'
import { BOUNDARIES, BOUNDARY_NAMES, type Boundary } from './crash/boundaries.ts'
import { runCell, type CellReport } from './crash/cell.ts'
import { MUTANTS, type MutantName } from './crash/mutants.ts'
import { CrashServers, STORES, TRANSPORTS, type StoreName, type TransportName } from './crash/servers.ts'

const { values } = parseArgs({
  options: {
    transport: { type: 'string', default: 'all' },
    store: { type: 'string', default: 'all' },
    boundary: { type: 'string', default: 'all' },
    rounds: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '3' },
    mutants: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})

const servers = new CrashServers()
// Waybill's own timers let a process end; this one waits for them.
setInterval(() => {}, 1_000)
process.exit(await main())

async function main(): Promise<number> {
  try {
    return (values.mutants ? await runMutants() : await runAll()) > 0 ? 1 : 0
  } finally {
    await servers.close()
  }
}

async function runAll(): Promise<number> {
  const transports = chosen('transport', values.transport, TRANSPORTS)
  const stores = chosen('store', values.store, STORES)
  const boundaries = chosen('boundary', values.boundary, BOUNDARY_NAMES)
  const rounds = Array.from({ length: Number(values.rounds) }, () => boundaries).flat()
  const pairs = transports.flatMap((transport) => stores.map((store) => ({ transport, store })))
  const left = [...pairs]
  let violations = 0
  let kills = 0
  const work = async (): Promise<void> => {
    for (let pair = left.shift(); pair !== undefined; pair = left.shift()) {
      const { transport, store } = pair
      const report = await run(transport, store, rounds)
      violations += report.violations.length
      for (const times of report.killed.values()) kills += times
      show(`${transport} with ${store}`, report)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  console.log(`${pairs.length} pairs, ${boundaries.length} boundaries, ${kills} kills, ${violations} violations`)
  return violations
}

async function run(
  transport: TransportName,
  store: StoreName,
  boundaries: readonly Boundary[],
  mutant?: MutantName,
): Promise<CellReport> {
  const transportUrl = await servers.transportUrl(transport)
  const databaseUrl = await servers.databaseUrl(store)
  return await runCell({
    transportUrl,
    databaseUrl,
    boundaries,
    ...(mutant && { mutant }),
    ...(values.verbose && { told }),
  })
}

function told(boundary: Boundary): void {
  console.log(`     ${(performance.now() / 1_000).toFixed(1)} s: killed ${boundary}`)
}

/** Each mutant must be found out. */
async function runMutants(): Promise<number> {
  let missed = 0
  for (const [name, { boundaries }] of Object.entries(MUTANTS)) {
    const { violations } = await run('embedded', 'sqlite', boundaries, name as MutantName) // its own keys
    if (violations.length === 0) missed++
    console.log(`${violations.length > 0 ? 'caught' : 'MISSED'}  ${name}: ${violations[0] ?? 'no violation'}`)
  }
  return missed
}

function show(title: string, { killed, steps, violations }: CellReport): void {
  const where = [...killed].map(([boundary, times]) => `${boundary}${times > 1 ? ` x${times}` : ''}`).join(', ')
  console.log(`${violations.length === 0 ? 'ok  ' : 'FAIL'} ${title}: ${steps} steps; killed ${where}`)
  for (const violation of violations) console.log(`     ${violation}`)
}

function chosen<T extends string>(what: string, text: string, all: readonly T[]): readonly T[] {
  if (text === 'all') return all
  return text.split(',').map((name) => {
    const known = all.find((each) => each === name)
    if (known !== undefined) return known
    console.error(`--${what} takes all, or some of ${all.join(', ')}`)
    if (what === 'boundary')
      for (const each of BOUNDARY_NAMES) console.error(`  ${each.padEnd(20)} ${BOUNDARIES[each]}`)
    return process.exit(2)
  })
}
