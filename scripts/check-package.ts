// Holds the published package to its promises: built, complete, small, without run-time dependencies beyond the list,
// importable by name from a folder of its own, and quick to start.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGE = fileURLToPath(new URL('../packages/waybill/', import.meta.url))
const INSTALLED = fileURLToPath(new URL('../node_modules/', import.meta.url))
/** A transport has about 250,000, which are loaded when it is used. */
const MAX_UNPACKED_BYTES = 5_000_000
const ALLOWED_DEPENDENCIES = ['@standard-schema/spec', 'amqplib', 'commander']
const START_BUDGET_MS = 150
/** With another Node process to start. */
const SHARED_START_BUDGET_MS = 400

interface PackedFile {
  readonly path: string
  readonly size: number
}

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8' })
const home = mkdtempSync(join(tmpdir(), 'waybill-package-'))
try {
  rmSync(join(PACKAGE, 'dist'), { recursive: true, force: true })
  run('tsc', ['-b', '--force'], PACKAGE)
  run('publint', ['--strict'], PACKAGE)
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', home], PACKAGE)) as {
    readonly filename: string
    readonly unpackedSize: number
    readonly files: readonly PackedFile[]
  }[]
  if (packed === undefined) throw new Error('npm pack made nothing')
  check(
    packed.unpackedSize < MAX_UNPACKED_BYTES,
    `unpacked ${packed.unpackedSize} bytes, at most ${MAX_UNPACKED_BYTES}`,
  )
  const tests = packed.files.filter(({ path }) => /\.test\.|test-support|\.test-d\./.test(path))
  check(tests.length === 0, `no tests are published: ${tests.map(({ path }) => path).join(', ')}`)
  const manifest = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  const extra = Object.keys(manifest.dependencies ?? {}).filter((name) => !ALLOWED_DEPENDENCIES.includes(name))
  check(extra.length === 0, `run-time dependencies beyond the list: ${extra.join(', ')}`)

  // A user's project: the packed files alone, no source, no workspace.
  const target = join(home, 'node_modules', 'waybill')
  mkdirSync(target, { recursive: true })
  run('tar', ['-xzf', join(home, packed.filename), '--strip-components=1', '-C', target], home)
  // What an install would bring with it.
  for (const name of ['amqplib', 'commander'])
    cpSync(join(INSTALLED, name), join(home, 'node_modules', name), { recursive: true })
  writeFileSync(
    join(home, 'start.mjs'),
    `const t0 = performance.now()
     const { createBus, embedded } = await import('waybill')
     const dir = ${JSON.stringify(join(home, 'data'))} + process.pid
     const options = process.argv[2] === 'shared' ? { dir, idleTimeout: 100 } : { dir, inProcess: true }
     const bus = await createBus({ transport: embedded(options), drainOn: [] })
     console.log(performance.now() - t0)
     await bus.drain()`,
  )
  for (const door of ['waybill', 'waybill/testing', 'waybill/conformance', 'waybill/transport', 'waybill/stores'])
    run('node', ['-e', `await import('${door}')`, '--input-type=module'], home)
  // The command reads a user's TypeScript as Node does.
  writeFileSync(
    join(home, 'services.ts'),
    `import { contract, event, service, type, type Service } from 'waybill'
     const orders = contract('orders', { placed: event(type<{ id: string }>()) })
     export const shipping: Service = service('shipping').on(orders.placed, ({ id }) => void id)`,
  )
  const command = join(target, 'dist', 'cli', 'main.js')
  const said = run('node', [command, 'explain', 'services.ts', '--assume', 'rabbitmq'], home)
  check(said.includes('orders.placed → shipping: at least once'), `waybill explain said: ${said}`)
  const inProcess = started('in-process', START_BUDGET_MS)
  const shared = started('shared', SHARED_START_BUDGET_MS)
  console.log(
    `package: ${packed.files.length} files, ${(packed.unpackedSize / 1e6).toFixed(2)} MB unpacked; ` +
      `import and start ${inProcess} ms in process, ${shared} ms with a broker process`,
  )
} finally {
  rmSync(home, { recursive: true, force: true })
}

/** Milliseconds to an embedded bus, median of five. */
function started(how: string, budgetMs: number): string {
  const times = Array.from({ length: 5 }, () => Number(run('node', ['start.mjs', how], home)))
  const median = times.toSorted((a, b) => a - b)[2] ?? Number.NaN
  const text = median.toFixed(0)
  check(median < budgetMs, `import and a started bus (${how}) took ${text} ms (median of 5), at most ${budgetMs}`)
  return text
}

function check(holds: boolean, what: string): void {
  if (holds) return
  console.error(`package: ${what}`)
  process.exitCode = 1
}
