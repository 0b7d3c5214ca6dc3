// `waybill dlq` as an operator calls it, in processes of their own, while the service runs in this one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createBus } from '../bus/create-bus.ts'
import type { Bus } from '../bus/bus.ts'
import { silentLogger } from '../bus/observation/logger.ts'
import { service } from '../bus/service/service.ts'
import { contract, event } from '../contract/contract.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { deleteEntities, NO_RABBITMQ, RABBITMQ_URL, uniqueName } from '../testing/rabbitmq-url.test-support.ts'
import { embedded } from '../transports/embedded/embedded.ts'
import { rabbitmq } from '../transports/rabbitmq/rabbitmq.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import { DLQ_EXIT, runDlq, type DlqVerb } from './dlq-command.ts'
import type { DlqOptions } from './dlq/dlq-options.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const INDEX = new URL('../index.ts', import.meta.url).href
const ZOD = import.meta.resolve('zod')
const LONG = 60_000
const home = mkdtempSync(join(tmpdir(), 'waybill-dlq-'))
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly ended: Promise<Ended>
  /** What it has said on standard error so far. */
  readonly said: () => string
  readonly kill: (signal: NodeJS.Signals) => void
}

function starting(args: readonly string[], input?: string): Running {
  const { WAYBILL_URL: _, ...env } = process.env
  const child = spawn(process.execPath, [MAIN, 'dlq', ...args], { cwd: home, env: { ...env, NODE_NO_WARNINGS: '1' } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.end(input)
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return { ended, said: () => stderr, kill: (signal) => void child.kill(signal) }
}

const dlq = (...args: readonly string[]): Promise<Ended> => starting(args).ended

/** In this process: a process for each verb would take most of the test's time. */
async function here(verb: DlqVerb, options: DlqOptions, id?: string): Promise<Ended> {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const output = { print: (line: string) => void stdout.push(line), complain: (text: string) => void stderr.push(text) }
  const environment = { url: undefined, mode: undefined, cwd: home }
  const call = { verb, files: [], options, environment, runtime: systemRuntime(), signal: new AbortController().signal }
  const code = await runDlq({ ...call, ...(id === undefined ? {} : { id }) }, output)
  return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
}

/** What the engine's own tests need of it. */
interface Place {
  readonly url: string
  readonly transport: TransportFactory
  readonly channel: string
  readonly bus: Bus
  readonly handled: { readonly n: number; readonly id: string }[]
  readonly failing: Set<number>
  /** The module that tells the command of the service. */
  readonly module: string
  readonly ids: readonly string[]
}

/** A service on which 1 to `count` have died. */
async function placeWith(url: string, transport: TransportFactory, count: number): Promise<Place & AsyncDisposable> {
  const channel = uniqueName('shop')
  const shop = contract(channel, { paid: event(z.object({ n: z.number() })) })
  const failing = new Set(Array.from({ length: count }, (_, n) => n + 1))
  const handled: Place['handled'] = []
  const till = service('till').on(
    shop.paid,
    ({ n }, { id }) => {
      if (failing.has(n)) throw new RangeError(`card ${n} was declined`)
      handled.push({ n, id })
    },
    { retry: { attempts: 1 }, concurrency: 1, prefetch: 1 },
  )
  const bus = await createBus({ transport, services: [till], logger: silentLogger, drainOn: [] })
  const ids: string[] = []
  for (const n of failing) ids.push((await bus.publish(shop.paid, { n })).id)
  const dead = bus.deadLetters(till, shop.paid)
  await vi.waitFor(async () => expect((await dead.list({ limit: 1_000 })).letters).toHaveLength(count), {
    timeout: 20_000,
  })
  const module = join(home, `${channel}.ts`)
  writeFileSync(
    module,
    `import { contract, event, service } from ${JSON.stringify(INDEX)}
import { z } from ${JSON.stringify(ZOD)}
const shop = contract(${JSON.stringify(channel)}, { paid: event(z.object({ n: z.number() })) })
export const till = service('till').on(shop.paid, () => {})`,
  )
  const dispose = async (): Promise<void> => {
    await bus.drain(0)
    if (url !== RABBITMQ_URL) return
    const queues = [`${channel}:till`, `${channel}:till:dead`]
    await deleteEntities({ queues, exchanges: [channel, `${channel}:layout`, `${channel}:till:layout`] })
  }
  return { url, transport, channel, bus, handled, failing, module, ids, [Symbol.asyncDispose]: dispose }
}

const numbersOf = ({ stdout }: Ended): readonly number[] =>
  (JSON.parse(stdout) as { letters: { detail: string }[] }).letters.map(({ detail }) =>
    Number(detail.replace(/\D/g, '')),
  )

const engines: readonly (readonly [string, string | undefined, () => { url: string; transport: TransportFactory }])[] =
  [
    [
      'a shared folder',
      undefined,
      () => {
        const dir = mkdtempSync(join(home, 'data-'))
        return { url: dir, transport: embedded({ dir, idleTimeout: '1s' }) }
      },
    ],
    ['RabbitMQ', NO_RABBITMQ, () => ({ url: RABBITMQ_URL, transport: rabbitmq({ urls: [RABBITMQ_URL] }) })],
  ]

for (const [name, missing, engine] of engines)
  describeNeeding(missing)(`waybill dlq on ${name}`, () => {
    const place = (count: number): ReturnType<typeof placeWith> => {
      const { url, transport } = engine()
      return placeWith(url, transport, count)
    }

    test('lists, shows, searches, parks, redrives and purges', { timeout: LONG }, async () => {
      await using made = await place(5)
      const { url, channel, module, ids, failing, handled } = made
      const named = { url, channel, group: 'till' }
      const listed = await here('list', named)
      expect([listed.code, listed.stderr]).toEqual([DLQ_EXIT.fine, ''])
      const lines = listed.stdout.split('\n')
      expect(lines[0]).toMatch(/^ID +DIED +TYPE +KEY +REASON +REDRIVEN +DETAIL$/)
      expect(lines.slice(1).map((line) => line.split(/ {2,}/)[0])).toEqual(ids)
      expect(numbersOf(await here('list', { ...named, json: true, text: 'CARD 3' }))).toEqual([3])
      const page = await here('list', { ...named, json: true, limit: '2' })
      const { after } = JSON.parse(page.stdout) as { after: string }
      expect(numbersOf(await here('list', { ...named, json: true, after }))).toEqual([3, 4, 5])

      const shown = await here('show', named, ids[1])
      expect(shown.stdout).toContain('RangeError: card 2 was declined')
      expect(shown.stdout.split('\n').at(-1)).toBe('{"n":2}')
      expect((await here('show', named, 'nobody')).code).toBe(DLQ_EXIT.notDone)

      // Nothing is done unasked.
      const unconfirmed = await here('remove', { ...named, id: [ids[0] ?? ''] })
      expect([unconfirmed.code, unconfirmed.stdout]).toEqual([
        DLQ_EXIT.notDone,
        'would have removed 1 of 5 dead letters',
      ])
      expect(unconfirmed.stderr).toContain('--yes')
      expect((await here('remove', { ...named, yes: true })).code).toBe(DLQ_EXIT.usage)
      const dry = await here('redrive', { ...named, all: true, dryRun: true })
      expect([dry.code, dry.stdout]).toEqual([DLQ_EXIT.fine, 'would have redriven 5 of 5 dead letters'])

      const park = await here('park', { ...named, id: [ids[4] ?? ''], yes: true, by: 'ada', note: 'ask' })
      expect(park.stdout).toBe('parked 1 of 5 dead letters')
      failing.clear()
      const redriven = await here('redrive', { ...named, all: true, yes: true })
      expect([redriven.code, redriven.stdout]).toEqual([DLQ_EXIT.fine, 'redriven 4 of 5 dead letters'])
      await vi.waitFor(() => expect(handled.map(({ id }) => id)).toEqual(ids.slice(0, 4)))

      expect((await here('unpark', { ...named, all: true, yes: true })).stdout).toBe('unparked 1 of 1 dead letters')
      expect((await here('purge', named)).code).toBe(DLQ_EXIT.usage)
      expect((await here('purge', { ...named, confirm: 'tills' })).code).toBe(DLQ_EXIT.usage)
      expect((await here('purge', { ...named, confirm: 'till' })).stdout).toBe('removed 1 of 1 dead letters')
      expect(numbersOf(await dlq('list', module, '--url', url, '--json'))).toEqual([])
    })

    test('edits by the contract of a module, and redrives what was mended', { timeout: LONG }, async () => {
      await using made = await place(2)
      const { url, module, ids, handled } = made
      const edit = [
        'edit',
        ids[0] ?? '',
        module,
        '--url',
        url,
        '--body',
        '-',
        '--yes',
        '--by',
        'ada',
        '--header',
        'mended=yes',
      ]
      const refused = await starting(edit, '{"n":"one"}').ended
      expect([refused.code, refused.stderr]).toEqual([
        DLQ_EXIT.notDone,
        expect.stringContaining('WAYBILL_INVALID_MESSAGE'),
      ])
      expect((await starting(edit, '{"n":11}').ended).stdout).toBe(`edited ${ids[0]}: body, headers.mended\n`)
      expect((await dlq('redrive', module, '--url', url, '--id', ids[0] ?? '', '--yes')).code).toBe(DLQ_EXIT.fine)
      await vi.waitFor(() => expect(handled).toEqual([{ n: 11, id: ids[0] }]))
    })

    test('killed while it redrives at a rate, it has lost none', { timeout: LONG }, async () => {
      await using made = await place(60)
      const { url, module, failing, handled } = made
      failing.clear()
      const running = starting(['redrive', module, '--url', url, '--all', '--yes', '--rate', '40'])
      await vi.waitFor(() => expect(handled.length).toBeGreaterThan(10), { timeout: 20_000 })
      running.kill('SIGKILL')
      await running.ended
      expect(handled.length).toBeLessThan(60)
      const rest = await vi.waitFor(async () => {
        const { stdout } = await dlq('redrive', module, '--url', url, '--all', '--yes', '--json')
        const seen = new Set(handled.map(({ n }) => n))
        expect(seen.size).toBe(60)
        return stdout
      }, { timeout: 30_000 }) // prettier-ignore
      expect(JSON.parse(rest)).toMatchObject({ refused: 0 })
      // One slice of the rate at most comes twice.
      expect(handled.length).toBeLessThanOrEqual(70)
    })

    test('interrupted, it says so, and what it has not redriven stays', { timeout: LONG }, async () => {
      await using made = await place(30)
      const { url, module, failing, handled } = made
      failing.clear()
      const running = starting(['redrive', module, '--url', url, '--all', '--yes', '--rate', '8'])
      await vi.waitFor(() => expect(handled.length).toBeGreaterThan(3), { timeout: 20_000 })
      running.kill('SIGINT')
      const { code, stderr } = await running.ended
      expect([code, stderr.includes('WAYBILL_ABORTED')]).toEqual([DLQ_EXIT.notDone, true])
      const left = numbersOf(await dlq('list', module, '--url', url, '--json'))
      expect(left.toSorted((a, b) => a - b)).toEqual(left)
      await vi.waitFor(() => expect(handled.length + left.length).toBe(30))
    })
  })

test(
  'without a group, with a folder that is not there, and for nonsense it says what is wrong',
  { timeout: LONG },
  async () => {
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['list', '--url', home], DLQ_EXIT.usage, 'name the group'],
      [
        ['list', '--url', join(home, 'nowhere'), '--channel', 'a', '--group', 'b'],
        DLQ_EXIT.notDone,
        'there is no folder',
      ],
      [
        ['list', '--url', 'amqp://127.0.0.1:1', '--channel', 'a', '--group', 'b'],
        DLQ_EXIT.unavailable,
        'WAYBILL_NOT_CONNECTED',
      ],
      [
        ['list', '--channel', 'a', '--group', 'b', '--kind', 'things', '--url', home],
        DLQ_EXIT.usage,
        '--kind is one of',
      ],
      [['list', '--nonsense'], DLQ_EXIT.usage, 'unknown option'],
    ]
    for (const [args, code, why] of cases) {
      const ended = await dlq(...args)
      expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(why)])
    }
  },
)
