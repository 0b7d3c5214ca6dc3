// npm run conformance -- --transport <name> [--server waybill] [--only <text>] [--quick] [--list]
// npm run conformance -- --mutants [--only <text>]
import { parseArgs } from 'node:util'
import { CLAUSES } from '../packages/waybill/src/conformance/clauses.ts'
import { reportMutants } from '../packages/waybill/src/conformance/mutants/report.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { ENGINES } from './conformance/engines.ts'
import { count, runSuite, summary } from './conformance/run-suite.ts'

const USAGE = `npm run conformance -- --transport ${Object.keys(ENGINES).join('|')} | --mutants  [--only <text>] [--quick] [--list]`

const { values } = parseArgs({
  options: {
    transport: { type: 'string' },
    /** With `--transport rabbitmq`: `waybill` is `waybill broker` in its place. */
    server: { type: 'string', default: '' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})
const print = (line: string): void => console.log(line)

// Waybill's own timers let a process end; this one waits for them.
setInterval(() => {}, 1_000)
// A socket that Node could not reset would keep it for ever.
process.exit(await main())

async function main(): Promise<number> {
  if (values.list) {
    for (const { title, long, faults } of CLAUSES)
      print(`${title}${long === true ? ' (long)' : ''}${faults === undefined ? '' : ` [${faults.join(', ')}]`}`)
    return 0
  }
  if (values.mutants) return (await reportMutants(systemRuntime(), values.only, print)) ? 0 : 1
  const name = values.transport === 'rabbitmq' && values.server === 'waybill' ? 'waybill-broker' : values.transport
  const engine = ENGINES[name ?? '']
  if (engine === undefined) {
    console.error(USAGE)
    return 2
  }
  const result = await runSuite(await engine.open(), {
    select: ({ title, long }) => (values.only === undefined || title.includes(values.only)) && !(values.quick && long),
    print,
  })
  print(`conformance ${summary(result)}`)
  return count(result, 'failed') > 0 || count(result, 'native', 'supplied', 'refused') === 0 ? 1 : 0
}
