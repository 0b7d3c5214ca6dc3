// Fails when contracts cost the compiler more than their budget. Writes two programs into a temporary folder: one that
// declares the schemas of a contract of 300 messages, and one that also declares the contract, sends each message and
// handles each message. What the second has more is Waybill's own; the counts do not depend on the machine.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MESSAGES = 300
/**
 * Per message, its one sending and its one handling included. Measured with TypeScript 7.0: 318 and 64, the same for 150
 * and for 600 messages. A tenth more is left for changes of the compiler; what goes beyond is a change of ours.
 */
const BUDGET: Cost = { instantiations: 350, types: 70 }

interface Cost {
  readonly instantiations: number
  readonly types: number
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SOURCE = join(ROOT, 'packages/waybill/src')

const schemas = (n: number): string =>
  `const body${n} = z.object({ id: z.string(), field${n}: z.number(), at: z.string().transform((text) => new Date(text)) })
const reply${n} = z.object({ reply${n}: z.boolean() })`

const IMPORTS = `import { z } from 'zod'
import { command, contract, document, event, query, survey } from '${SOURCE}/contract/contract.ts'
import type { Sender } from '${SOURCE}/bus/sending/sender.ts'
import { service } from '${SOURCE}/bus/service/service.ts'
declare const bus: Sender
export { bus, command, contract, document, event, query, service, survey }`

/** How each kind is declared, sent and handled. */
const KINDS: readonly { declare(n: number): string; send(n: number): string; handle(n: number): string }[] = [
  {
    declare: (n) => `event(body${n}, { key: (body) => body.id })`,
    send: (n) => `await bus.publish(all.m${n}, { id: '', field${n}: 1, at: '' })`,
    handle: (n) => `.on(all.m${n}, ({ at, field${n} }) => void (at.getTime() + field${n}))`,
  },
  {
    declare: (n) => `command(body${n}, { reply: reply${n}, key: (body) => body.id })`,
    send: (n) => `await bus.send(all.m${n}, { id: '', field${n}: 1, at: '' })`,
    handle: (n) => `.on(all.m${n}, ({ field${n} }) => ({ reply${n}: field${n} > 0 }))`,
  },
  {
    declare: (n) => `query(body${n}, reply${n})`,
    send: (n) => `void (await bus.request(all.m${n}, { id: '', field${n}: 1, at: '' })).reply${n}`,
    handle: (n) => `.answer(all.m${n}, async ({ field${n} }) => ({ reply${n}: field${n} > 0 }))`,
  },
  {
    declare: (n) => `survey(body${n}, reply${n})`,
    send: (n) => `bus.scatter(all.m${n}, { id: '', field${n}: 1, at: '' })`,
    handle: (n) => `.answer(all.m${n}, ({ field${n} }) => ({ reply${n}: field${n} > 0 }))`,
  },
  {
    declare: (n) => `document(body${n})`,
    send: (n) => `await bus.send(all.m${n}, { id: '', field${n}: 1, at: '' })`,
    handle: (n) => `.on(all.m${n}, ({ at }) => void at.getTime())`,
  },
]

const numbers = Array.from({ length: MESSAGES }, (_, n) => n)
const each = (write: (kind: (typeof KINDS)[number], n: number) => string): string =>
  numbers.map((n) => write(KINDS[n % KINDS.length] as (typeof KINDS)[number], n)).join('\n') // n modulo its length

const declared = `${IMPORTS}\n${numbers.map(schemas).join('\n')}\n`
const used = `${declared}
const all = contract('all', {
${each((kind, n) => `m${n}: ${kind.declare(n)},`)}
})
export async function send(): Promise<void> {
${each((kind, n) => kind.send(n))}
}
export const handles = service('all')
${each((kind, n) => kind.handle(n))}
`
// Without it, the schemas that nobody uses would not be checked to the end.
const onlySchemas = `${declared}
${numbers.map((n) => `export const in${n}: z.input<typeof body${n}> & { r?: z.output<typeof reply${n}> } = { id: '', field${n}: 1, at: '' }`).join('\n')}
`

const [base, full] = [await costOf(onlySchemas), await costOf(used)]
const cost: Cost = {
  instantiations: (full.instantiations - base.instantiations) / MESSAGES,
  types: (full.types - base.types) / MESSAGES,
}
for (const what of ['instantiations', 'types'] as const) {
  const line = `types:budget: ${Math.round(cost[what])} ${what} per message, of ${BUDGET[what]}`
  if (cost[what] <= BUDGET[what]) console.log(line)
  else {
    console.error(`${line}: over budget`)
    process.exitCode = 1
  }
}

async function costOf(program: string): Promise<Cost> {
  // Within node_modules, so that the program finds zod as a user's would.
  const cache = join(ROOT, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'type-budget-'))
  try {
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      include: [],
      files: ['program.ts'],
      compilerOptions: { noUnusedLocals: false },
    }
    await writeFile(join(folder, 'program.ts'), program)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const report = compile(folder)
    return { instantiations: figure(report, 'Instantiations'), types: figure(report, 'Types') }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** @throws {Error} when the program does not compile */
function compile(folder: string): string {
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  // One thread: several checkers would each count what they share.
  const options = ['-p', folder, '--noEmit', '--extendedDiagnostics', '--singleThreaded', '--pretty', 'false']
  const run = spawnSync(tsc, options, { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 * 1024 * 1024 })
  if (run.error !== undefined) throw run.error
  if (run.status !== 0) throw new Error(`the generated program does not compile:\n${run.stdout.slice(0, 2_000)}`)
  return run.stdout
}

function figure(report: string, name: string): number {
  const text = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(report)?.[1]
  if (text === undefined) throw new Error(`tsc --extendedDiagnostics no longer prints ${name}`)
  return Number(text)
}
