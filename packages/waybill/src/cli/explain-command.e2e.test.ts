// `waybill explain` as people and CI call it.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import type { Verdicts } from '../verdict/route-verdict.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const INDEX = new URL('../index.ts', import.meta.url).href
const home = mkdtempSync(join(tmpdir(), 'waybill-explain-'))
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function explain(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const { WAYBILL_URL: _, ...env } = process.env
    execFile(process.execPath, [MAIN, 'explain', ...args], { cwd: home, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

/** A TypeScript module of a user. */
function moduleOf(name: string, text: string): string {
  const file = join(home, name)
  writeFileSync(
    file,
    `import { command, contract, event, service, type, embedded, type BusOptions } from ${JSON.stringify(INDEX)}
const shop = contract('shop', { shards: 2 }, { paid: event(type<{ id: string }>(), { key: ({ id }) => id }), pay: command(type<number>()) })
const nothing = (): void => {}
${text}`,
  )
  return file
}

function jsonOf(value: unknown): string {
  const file = join(home, 'other.json')
  writeFileSync(file, JSON.stringify(value))
  return file
}

const till = moduleOf('till.ts', `export const till = service('till').on(shop.paid, nothing)`)
const TILL =
  'shop.paid → till: at least once, no loss window (assumed), no order, 5 attempts over 1.8 to 3.5 s, then dead letter'

test('explain prints a line for each route, with what is assumed under it, and asks nobody', async () => {
  const { code, stdout, stderr } = await explain(till, '--assume', 'rabbitmq')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout.split('\n')).toEqual([
    'on rabbitmq:',
    '',
    TILL,
    '    assumed of rabbitmq: it takes back what is not settled within 30 min',
    '',
    'publish shop.paid: confirmed once synced to disk, no loss window (assumed), forgotten when nobody subscribed, outcome unknown after 30 s',
    '',
  ])
})

test('explain asks the broker of a folder, and leaves nothing declared there', { timeout: 60_000 }, async () => {
  const dir = join(home, 'data')
  const [offline, asked] = await Promise.all([
    explain(till, '--assume', 'embedded', '--json'),
    explain(till, '--url', dir, '--json'),
  ])
  expect([offline.code, asked.code]).toEqual([0, 0])
  const verdicts = JSON.parse(asked.stdout) as Verdicts
  expect(verdicts.routes).toMatchObject([{ loss: { window: 'none', source: 'read' } }])
  // What nobody was asked is assumed; otherwise the two agree.
  expect(asked.stdout.replaceAll('"read"', '"assumed"').replaceAll(' (assumed)', '')).toBe(
    offline.stdout.replaceAll(' (assumed)', ''),
  )
  const lost = await explain(till, '--url', 'amqp://127.0.0.1:9')
  expect(lost).toMatchObject({ code: 69, stderr: expect.stringContaining('WAYBILL_NOT_CONNECTED') as string })
})

test('explain --check finds what changed since, and says nothing otherwise', async () => {
  const { stdout } = await explain(till, '--assume', 'rabbitmq', '--json')
  const file = join(home, 'verdicts.json')
  writeFileSync(file, stdout)
  expect(await explain(till, '--assume', 'rabbitmq', '--check', file)).toEqual({ code: 0, stdout: '', stderr: '' })
  const changed = moduleOf(
    'changed.ts',
    `export const till = service('till').on(shop.paid, nothing, { timeout: '5s' })`,
  )
  expect(await explain(changed, '--assume', 'rabbitmq', '--check', file)).toEqual({
    code: 1,
    stdout: '',
    stderr: `changed: ${TILL}\n  timeoutMs: 30000 is now 5000\n`,
  })
  expect(readFileSync(file, 'utf8')).toBe(stdout)
})

test('explain refuses what cannot be kept, in every form', async () => {
  const slow = moduleOf('slow.ts', `export const slow = service('slow').on(shop.paid, nothing, { timeout: '1h' })`)
  const refusal = 'REFUSED WAYBILL_LIMIT: slow on shop.paid may take 1 h'
  expect(await explain(slow, '--assume', 'rabbitmq')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(refusal) as string,
  })
  expect(await explain(slow, '--assume', 'rabbitmq', '--json')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(refusal) as string,
  })
  expect(await explain(slow, '--assume', 'embedded')).toMatchObject({ code: 0 })
  const twice = moduleOf(
    'twice.ts',
    `export const services = [service('a').on(shop.pay, nothing), service('b').on(shop.pay, nothing)]`,
  )
  expect(await explain(twice, '--assume', 'embedded')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('WAYBILL_COMMAND_CLAIMED: a and b both claim shop.pay') as string,
  })
})

test('explain refuses options that no bus takes', async () => {
  const idle = moduleOf('idle.ts', `export const idle = service('idle').on(shop.paid, nothing, { concurrency: 0 })`)
  expect(await explain(idle, '--assume', 'embedded')).toMatchObject({
    code: 1,
    stderr: 'concurrency of idle on shop.paid must be a whole number from 1 to 10000, not 0\n',
  })
})

test('explain takes what createBus would be given: busOptions, a transport, contracts of what is sent', async () => {
  const whole = moduleOf(
    'whole.ts',
    `export { shop }
export const transport = embedded({ memory: true })
export const busOptions: BusOptions = { services: [service('till').on(shop.pay, nothing)], maxDeliveries: 3, sendTimeout: '7s' }`,
  )
  const { code, stdout } = await explain(whole, '--json')
  const { engine, routes, sends } = JSON.parse(stdout) as Verdicts
  expect([code, engine]).toEqual([0, 'embedded'])
  expect(routes).toMatchObject([{ service: 'till', poisonAfter: 3, loss: { window: 'server-death', source: 'told' } }])
  expect(sends).toMatchObject([
    { message: 'shop.paid', unknownAfterMs: 7_000 },
    { message: 'shop.pay', unknownAfterMs: 7_000 },
  ])
})

test.each([
  ['no module', [], "missing required argument 'modules'"],
  ['a module that is not there', ['nowhere.ts', '--assume', 'embedded'], 'nowhere.ts cannot be loaded'],
  ['a module without services', [moduleOf('empty.ts', ''), '--assume', 'embedded'], 'no service and no contract'],
  ['a module that throws', [moduleOf('throws.ts', `throw new Error('mine')`)], 'cannot be loaded: mine'],
  [
    'an unknown engine',
    [till, '--assume', 'carrier-pigeon'],
    '--assume takes embedded, kafka, nats, postgres, rabbitmq, redis, not carrier-pigeon',
  ],
  ['an unknown option', [till, '--loud'], "unknown option '--loud'"],
  [
    'a file to compare with that is not there',
    [till, '--assume', 'embedded', '--check', 'nowhere.json'],
    'nowhere.json',
  ],
  [
    'a file to compare with that is no JSON',
    [till, '--assume', 'embedded', '--check', till],
    'till.ts cannot be compared with',
  ],
  ['a file to compare with that has no verdicts', [till, '--assume', 'embedded', '--check', jsonOf({})], 'no verdicts'],
])('explain with %s is a mistake on the command line', async (_, args, text) => {
  const { code, stderr } = await explain(...args)
  expect([code, stderr]).toEqual([64, expect.stringContaining(text)])
})
