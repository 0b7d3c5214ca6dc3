// npm run torture -- embedded [--runs 200] [--seed 1]
// npm run torture -- shared [--kills 50] [--starts 100] [--seed 1]
import { parseArgs } from 'node:util'
import { seededRandom } from '../packages/waybill/src/runtime/seeded-random.ts'
import { killAgainAndAgain } from './torture/kill.ts'
import { Ledger } from './torture/ledger.ts'
import { losePowerAgainAndAgain } from './torture/power-loss.ts'
import { tortureShared } from './torture/shared.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '200' },
    kills: { type: 'string', default: '50' },
    starts: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
  },
})
const [what] = positionals
if (what !== 'embedded' && what !== 'shared') {
  console.error(
    'usage: npm run torture -- embedded [--runs 200] [--seed n] | shared [--kills 50] [--starts 100] [--seed n]',
  )
  process.exit(2)
}
const [runs, seed] = [Number(values.runs), Number(values.seed)]
console.log(`seed ${seed}`)
if (what === 'shared')
  process.exit((await tortureShared(Number(values.kills), Number(values.starts), seededRandom(seed))) ? 0 : 1)
const killed = await torture(`kill -9, ${runs} times, on a real folder`, (ledger) =>
  killAgainAndAgain(runs, seededRandom(seed), ledger),
)
const unplugged = await torture(`power cut, ${runs} times, on a disk that drops unsynced writes`, (ledger) =>
  losePowerAgainAndAgain(runs, seededRandom(seed), ledger),
)
// The workers of power that was cut are still there, waiting for a disk that never answers.
process.exit(killed && unplugged ? 0 : 1)

async function torture(title: string, run: (ledger: Ledger) => Promise<void>): Promise<boolean> {
  const ledger = new Ledger()
  const started = performance.now()
  await run(ledger)
  console.log(`${title}: ${((performance.now() - started) / 1000).toFixed(0)} s`)
  console.log(`  lives judged in full ${ledger.complete} of ${ledger.lives}`)
  console.log(`  sent ${ledger.sent}, confirmed ${ledger.confirmed}, delivered ${ledger.delivered}`)
  console.log(`  redelivered, and marked so ${ledger.redelivered}; still queued ${ledger.unsettled}`)
  for (const violation of ledger.violations.slice(0, 20)) console.log(`  VIOLATION ${violation}`)
  console.log(ledger.violations.length === 0 ? '  lost: 0' : `  violations: ${ledger.violations.length}`)
  return ledger.violations.length === 0
}
