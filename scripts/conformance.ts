// npm run conformance -- --transport embedded|shared|rabbitmq [--server waybill] [--only <text>] [--quick] [--list]
// npm run conformance -- --mutants [--only <text>]
import { parseArgs } from 'node:util'
import { transportConformance } from '../packages/waybill/src/conformance/transport-conformance.ts'
import { CLAUSES } from '../packages/waybill/src/conformance/clauses.ts'
import { reportMutants } from '../packages/waybill/src/conformance/mutants/report.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import {
  rabbitmqHarness,
  waybillServerHarness,
} from '../packages/waybill/src/conformance/harnesses/rabbitmq-harness.ts'
import { sharedHarness } from '../packages/waybill/src/conformance/harnesses/shared-harness.ts'
import { embeddedHarness, type Harness } from '../packages/waybill/src/conformance/harnesses/embedded-harness.ts'

const USAGE =
  'npm run conformance -- --transport embedded|shared|rabbitmq [--server waybill] | --mutants  [--only <text>] [--quick] [--list]'

const { values } = parseArgs({
  options: {
    transport: { type: 'string' },
    /** What the RabbitMQ transport talks to: RabbitMQ, or `waybill broker`. */
    server: { type: 'string', default: 'rabbitmq' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})

// Waybill's own timers let a process end; this one waits for them.
setInterval(() => {}, 1_000)
// A socket that Node could not reset would keep it for ever.
process.exit(await main())

async function main(): Promise<number> {
  if (values.list) {
    for (const { title, long, faults } of CLAUSES)
      console.log(`${title}${long === true ? ' (long)' : ''}${faults === undefined ? '' : ` [${faults.join(', ')}]`}`)
    return 0
  }
  if (values.mutants) return (await reportMutants(systemRuntime(), values.only, (line) => console.log(line))) ? 0 : 1
  if (values.transport === 'embedded') return await run(embeddedHarness())
  if (values.transport === 'shared') return await run(await sharedHarness())
  if (values.transport === 'rabbitmq')
    return await run(await (values.server === 'waybill' ? waybillServerHarness() : rabbitmqHarness()))
  console.error(USAGE)
  return 2
}

async function run(harness: Harness): Promise<number> {
  const name = await describe(harness)
  let passed = 0
  let failed = 0
  let skipped = 0
  const clauses: { readonly title: string; readonly run: () => Promise<void> }[] = []
  transportConformance({
    ...harness,
    test: (title, clause) => clauses.push({ title, run: clause }),
    skip: (title, reason) => {
      skipped++
      console.log(`skip  ${title}: ${reason}`)
    },
    select: ({ title, long }) => (values.only === undefined || title.includes(values.only)) && !(values.quick && long),
  })
  for (const clause of clauses) {
    const startedAt = performance.now()
    const took = (): string => `${Math.round(performance.now() - startedAt)} ms`
    try {
      await clause.run()
      passed++
      console.log(`pass  ${clause.title}  ${took()}`)
    } catch (error) {
      failed++
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      console.log(`FAIL  ${clause.title}  ${took()}\n${text.replaceAll(/^/gm, '        ')}`)
    }
  }
  await harness.close()
  console.log(`conformance ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 || passed === 0 ? 1 : 0
}

/** Engine and version, as the engine itself tells them. */
async function describe(harness: Harness): Promise<string> {
  const { transport, dispose } = await harness.createTransport()
  const { engine, version } = await transport.connect(AbortSignal.timeout(30_000))
  await dispose()
  return `${engine} ${version}`
}
