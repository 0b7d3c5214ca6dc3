// npm run outage -- <engine> [--seconds 60] [--rate 500]
//
// A dependency that is down while messages go on coming: none becomes a dead letter, nothing runs in a hot loop, and within
// a minute of its return everything is handled. Exits with 1 where that is not so.
import { parseArgs } from 'node:util'
import { ENGINES } from './conformance/engines.ts'
import { drill, type Findings } from './outage/drill.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, rate: { type: 'string', default: '500' } },
})

// Waybill's own timers let a process end; this one waits for them.
setInterval(() => {}, 1_000)
process.exit(await main(positionals[0] ?? ''))

async function main(name: string): Promise<number> {
  const engine = ENGINES[name]
  if (engine === undefined) {
    console.error(`npm run outage -- ${Object.keys(ENGINES).join('|')} [--seconds 60] [--rate 500]`)
    return 2
  }
  const harness = await engine.open()
  try {
    const { transport, dispose } = await harness.createTransport()
    const load = { name: `outage-${process.pid}`, downSeconds: Number(values.seconds), rate: Number(values.rate) }
    try {
      const { findings, left } = await drill({ ...load, transport: () => transport })
      await harness.cleanUp?.(left)
      return show(engine.title, findings)
    } finally {
      await dispose()
    }
  } finally {
    await harness.close()
  }
}

function show(engine: string, findings: Findings): number {
  const { sent, handled, twice, deadLetters, callsWhileDown, mostCallsWhileDown, putOff, counted } = findings
  const { doneAfterSeconds } = findings
  const faults = [
    deadLetters > 0 ? `${deadLetters} dead letters` : undefined,
    callsWhileDown > mostCallsWhileDown ? `more than ${mostCallsWhileDown} calls while it was down` : undefined,
    doneAfterSeconds === undefined
      ? `${sent - handled} messages, or the last of them, were not handled within a minute`
      : undefined,
  ].filter((fault) => fault !== undefined)
  console.log(`${engine}: down for ${values.seconds} s under ${values.rate} messages a second`)
  console.log(`  ${sent} messages sent, ${handled} handled, ${twice} of them twice, ${deadLetters} dead letters`)
  console.log(`  ${callsWhileDown} calls while it was down; ${counted} failed tries counted, ${putOff} put off`)
  if (doneAfterSeconds !== undefined) console.log(`  all handled ${doneAfterSeconds.toFixed(1)} s after its return`)
  for (const fault of faults) console.log(`  FAULT  ${fault}`)
  return faults.length > 0 ? 1 : 0
}
