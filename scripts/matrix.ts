// npm run matrix -- [names of engines…]   runs the whole conformance suite, faults included, on every engine (or those
//                                         named), keeps the results in docs/guarantees/, and writes the tables
// npm run matrix -- --write | --check     writes the tables of docs/guarantees.md from the kept results, or compares
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { ENGINES } from './conformance/engines.ts'
import { count, runSuite, summary } from './conformance/run-suite.ts'
import { columnOf, saveColumn, savedColumns } from './matrix/column.ts'
import { TABLES } from './matrix/tables.ts'

const DOCUMENT = fileURLToPath(new URL('../docs/guarantees.md', import.meta.url))
const MARKED = /<!-- table: (\w+) -->[\s\S]*?<!-- end -->/g

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean', default: false }, check: { type: 'boolean', default: false } },
})

// Waybill's own timers let a process end; this one waits for them.
setInterval(() => {}, 1_000)
process.exit(await main())

async function main(): Promise<number> {
  if (values.check) return await check()
  let failed = 0
  if (!values.write)
    for (const name of positionals.length > 0 ? positionals : Object.keys(ENGINES)) failed += await run(name)
  writeFileSync(DOCUMENT, await written())
  return failed > 0 ? 1 : 0
}

/** Answers how many clauses failed. */
async function run(name: string): Promise<number> {
  const engine = ENGINES[name]
  if (engine === undefined) throw new TypeError(`no engine ${name}; there are ${Object.keys(ENGINES).join(', ')}`)
  const print = (line: string): void => console.log(`${name.padEnd(16)}${line}`)
  const result = await runSuite(await engine.open(), { select: () => true, print })
  saveColumn(name, columnOf(result, new Date()))
  print(summary(result))
  return count(result, 'failed')
}

async function check(): Promise<number> {
  if (readFileSync(DOCUMENT, 'utf8') === (await written())) return 0
  console.error('docs/guarantees.md does not show the results in docs/guarantees/: run npm run matrix -- --write')
  return 1
}

async function written(): Promise<string> {
  const columns = savedColumns()
  const text = readFileSync(DOCUMENT, 'utf8').replace(MARKED, (_, name: string) => {
    const table = TABLES[name]
    if (table === undefined) throw new TypeError(`docs/guarantees.md asks for a table ${name}, which there is not`)
    return `<!-- table: ${name} -->\n\n${table(columns)}\n\n<!-- end -->`
  })
  return await format(text, { ...(await resolveConfig(DOCUMENT)), filepath: DOCUMENT })
}
