// npm run shards -- --transport <name> [--runs <n>]
// 12 shards over 1, 4 and 2 members under load, one of which stalls and one crashes: by an external log with fencing tokens
// no writes of two owners interleave. Prints what each move cost, beside its bound.
import { parseArgs } from 'node:util'
import type { Harness } from '../packages/waybill/src/conformance/harnesses/embedded-harness.ts'
import { Patience } from '../packages/waybill/src/conformance/patience.ts'
import { drillShards, type ShardReport } from '../packages/waybill/src/conformance/shard-drill.ts'
import { Stage } from '../packages/waybill/src/conformance/stage.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { ENGINES } from './conformance/engines.ts'

/** For one condition. */
const PATIENCE_MS = 30_000

const { values } = parseArgs({
  options: { transport: { type: 'string', default: '' }, runs: { type: 'string', default: '1' } },
})

// Waybill's own timers let a process end; this one waits for them.
setInterval(() => {}, 1_000)
process.exit(await main())

async function main(): Promise<number> {
  const engine = ENGINES[values.transport]
  if (engine === undefined) {
    console.error(`npm run shards -- --transport ${Object.keys(ENGINES).join('|')} [--runs <n>]`)
    return 2
  }
  const harness = await engine.open()
  let faults = 0
  try {
    for (let run = 1; run <= Number(values.runs); run++)
      faults += show(await drill(harness), `${engine.title}, run ${run}`)
  } finally {
    await harness.close()
  }
  return faults > 0 ? 1 : 0
}

async function drill(harness: Harness): Promise<ShardReport> {
  const runtime = harness.runtime ?? systemRuntime()
  const stage = new Stage({ ...harness, test: () => undefined }, runtime, new Patience(runtime, PATIENCE_MS))
  try {
    return await drillShards(stage)
  } finally {
    await stage.dispose()
  }
}

function show({ moves, sent, taken, refused, faults }: ShardReport, title: string): number {
  console.log(`${title}: ${sent} messages; ${taken} fenced writes taken, ${refused} of former owners refused`)
  for (const { step, kind, shards, medianMs, slowestMs, boundMs } of moves) {
    const cost = `median ${medianMs} ms, slowest ${slowestMs} ms, bound ${boundMs} ms`
    console.log(`  ${step.padEnd(26)} ${kind.padEnd(8)} ${String(shards).padStart(2)} shards  ${cost}`)
  }
  for (const fault of faults) console.log(`  FAULT  ${fault}`)
  return faults.length
}
