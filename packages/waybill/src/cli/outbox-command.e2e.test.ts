// `waybill outbox` as an operator calls it, on each database, beside a service whose relay parks what nobody can receive.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { command, contract, createBus, embedded, event, service, silentLogger, type } from '../index.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import type { Store } from '../store/store.ts'
import { describeNeeding } from '../testing/needing.test-support.ts'
import { OUTBOX_EXIT, runOutbox, type OutboxVerb } from './outbox-command.ts'
import type { OutboxOptions } from './outbox/outbox-options.ts'
import { storeByUrl } from './store-url.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const LONG = 60_000
const runtime = systemRuntime()
const postgresUrl = process.env['WAYBILL_TEST_POSTGRES_URL'] ?? ''
const mysqlUrl = process.env['WAYBILL_TEST_MARIADB_URL'] ?? ''
const name = `waybill_outbox_cli_${process.pid}`
const home = mkdtempSync(join(tmpdir(), 'waybill-outbox-cli-'))
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))

interface Order {
  readonly id: string
  readonly n: number
}
const shop = contract(
  'shop',
  { shards: 4 },
  {
    pay: command(type<Order>(), { key: ({ id }) => id }),
    paid: event(type<Order>(), { key: ({ id }) => id }),
  },
)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** In a process of its own. */
function waybill(
  args: readonly string[],
  more: { readonly node?: readonly string[]; readonly env?: object } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const { WAYBILL_STORE_URL: _, ...inherited } = process.env
    const env = { ...inherited, NODE_NO_WARNINGS: '1', ...more.env }
    execFile(process.execPath, [...(more.node ?? []), MAIN, 'outbox', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

/** In this process, which is quicker. */
async function here(verb: OutboxVerb, url: string, options: OutboxOptions = {}, id?: string): Promise<Ended> {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const output = { print: (line: string) => void stdout.push(line), complain: (text: string) => void stderr.push(text) }
  const call = { verb, url, options, runtime, signal: new AbortController().signal }
  const code = await runOutbox(id === undefined ? call : { ...call, id }, output)
  return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
}

async function withStore<R>(url: string, use: (store: Store<unknown>) => Promise<R>): Promise<R> {
  const { store, end } = await storeByUrl(url)
  try {
    await store.open(runtime, AbortSignal.timeout(10_000))
    return await use(store)
  } finally {
    await store.close()
    await end()
  }
}

interface ListedRow {
  readonly id: string
  readonly position: string
  readonly body?: string
}
const listed = ({ stdout }: Ended): readonly ListedRow[] => (JSON.parse(stdout) as { parked: ListedRow[] }).parked

interface Place {
  readonly url: string
  clear(): Promise<void>
  end(): Promise<void>
}

const databases: readonly (readonly [string, string | undefined, () => Promise<Place>])[] = [
  [
    'SQLite',
    undefined,
    async () => {
      const path = join(home, 'shop.db')
      const clear = async (): Promise<void> => {
        for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
      }
      return { url: `sqlite:${path}`, clear, end: clear }
    },
  ],
  [
    'PostgreSQL',
    postgresUrl === '' ? 'no PostgreSQL' : undefined,
    async () => {
      const client = new Client({ connectionString: postgresUrl })
      await client.connect()
      const url = new URL(postgresUrl)
      url.searchParams.set('schema', name)
      const clear = async (): Promise<void> => void (await client.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`))
      return { url: url.href, clear, end: () => clear().then(() => client.end()) }
    },
  ],
  [
    'MariaDB',
    mysqlUrl === '' ? 'no MariaDB' : undefined,
    async () => {
      const client = await createConnection({ uri: mysqlUrl })
      const url = new URL(mysqlUrl)
      url.pathname = `/${name}`
      const drop = async (): Promise<void> => void (await client.query(`DROP DATABASE IF EXISTS ${name}`))
      const clear = async (): Promise<void> => {
        await drop()
        await client.query(`CREATE DATABASE ${name}`)
      }
      return { url: url.href, clear, end: () => drop().then(() => client.end()) }
    },
  ],
]

for (const [database, missing, make] of databases)
  describeNeeding(missing)(`waybill outbox on ${database}`, () => {
    let place: Place | undefined
    beforeEach(async () => {
      place ??= await make()
      await place.clear()
    })
    afterAll(() => place?.end())
    const url = (): string => place?.url ?? ''

    /** Commands 0 to `count` that nobody claims, of three keys, are parked; their ids. */
    async function parked(count: number, transport: ReturnType<typeof embedded>): Promise<readonly string[]> {
      return withStore(url(), async (store) => {
        const options = {
          store,
          transport,
          logger: silentLogger,
          drainOn: [],
          outbox: { attempts: 1, poll: '100ms' },
        } as const
        await using bus = await createBus(options)
        const ids = await store.transaction(async (tx) => {
          const sent: string[] = []
          for (let n = 0; n < count; n++) sent.push((await bus.in(tx).send(shop.pay, { id: `k${n % 3}`, n })).id)
          await bus.in(tx).publish(shop.paid, { id: 'k0', n: 0 })
          return sent
        })
        await expect
          .poll(() => store.outbox.inspect(), { timeout: 20_000 })
          .toMatchObject({ waiting: 0, parked: count })
        return ids
      })
    }

    test('says what waits and what is parked, and lets it go on in its order', { timeout: LONG }, async () => {
      const transport = embedded({ dir: mkdtempSync(join(home, 'data-')), inProcess: true })
      const ids = await parked(6, transport)
      const status = await waybill(['status', '--url', url()])
      expect([status.code, status.stderr]).toEqual([OUTBOX_EXIT.fine, ''])
      expect(status.stdout).toMatch(
        /^waiting +0\nparked +6\nscheduled +0\nrelays +0\n\nCHANNEL .*\nshop\.pay +command +0 +6\n$/,
      )
      const table = (await waybill(['list'], { env: { WAYBILL_STORE_URL: url() } })).stdout.split('\n')
      expect(table[0]).toMatch(/^POSITION +ID +PARKED +CHANNEL +TYPE +KEY +ATTEMPTS +ERROR$/)
      expect(table.slice(1, -1).map((line) => line.split(/ {2,}/)[1])).toEqual(ids)
      expect(table[1]).toMatch(/ shop\.pay +shop\.pay +k0 +1 +WAYBILL_UNROUTABLE/)

      const first = await here('list', url(), { json: true, limit: '2' })
      expect(listed(first).map(({ id }) => id)).toEqual(ids.slice(0, 2))
      const { after } = JSON.parse(first.stdout) as { readonly after: string }
      expect(listed(await here('list', url(), { json: true, after })).map(({ id }) => id)).toEqual(ids.slice(2))
      expect(listed(await here('list', url(), { json: true, key: ['k1'] })).map(({ id }) => id)).toEqual([
        ids[1],
        ids[4],
      ])
      expect(listed(await here('list', url(), { json: true, text: 'no such thing' }))).toEqual([])

      // Bodies are shown when they are asked for.
      expect(first.stdout).not.toContain('"body"')
      const [plain, whole] = [await here('show', url(), {}, ids[3]), await here('show', url(), { body: true }, ids[3])]
      expect(plain.stdout).toContain('17 bytes')
      expect(plain.stdout).not.toContain('"n":3')
      expect(whole.stdout.split('\n').at(-1)).toBe('{"id":"k0","n":3}')

      // Nothing is done unasked, and no younger one of a key goes before an older one.
      expect(await here('unpark', url(), { all: true })).toMatchObject({
        code: OUTBOX_EXIT.notDone,
        stdout: /would have/,
      })
      const younger = await here('unpark', url(), { id: [ids[3] ?? ''], yes: true })
      expect([younger.code, younger.stdout]).toEqual([
        OUTBOX_EXIT.notDone,
        expect.stringContaining(`${ids[3]}: ${ids[0]}, which is older`),
      ])
      expect((await here('unpark', url(), { all: true, key: ['k1'], yes: true })).code).toBe(OUTBOX_EXIT.usage)
      expect((await here('unpark', url(), { yes: true })).code).toBe(OUTBOX_EXIT.usage)

      // Now somebody claims it.
      const paid: Order[] = []
      const till = service('till').on(shop.pay, (order) => void paid.push(order), { ordered: true })
      await withStore(url(), async (store) => {
        await using _ = await createBus({ services: [till], store, transport, logger: silentLogger, drainOn: [] })
        const one = await waybill(['unpark', '--url', url(), '--id', ids[0] ?? '', '--yes'])
        expect([one.code, one.stdout]).toEqual([
          OUTBOX_EXIT.fine,
          expect.stringMatching(/^unparked 1 of 6 parked messages\nthey leave behind what waits now/),
        ])
        await expect.poll(() => paid, { timeout: 10_000 }).toEqual([{ id: 'k0', n: 0 }])
        expect((await here('unpark', url(), { all: true, yes: true, limit: '4' })).stdout).toMatch(/^unparked 4 of 4 /)
        const rest = await here('unpark', url(), { all: true, yes: true, json: true })
        expect(JSON.parse(rest.stdout)).toEqual({ looked: 1, done: 1, refused: 0, refusals: [] })
        await expect.poll(() => paid.length, { timeout: 10_000 }).toBe(6)
      })
      for (const key of ['k0', 'k1', 'k2']) {
        const numbers = paid.filter(({ id }) => id === key).map(({ n }) => n)
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      }
    })

    test('removes one for good, said outright, and keeps a record', { timeout: LONG }, async () => {
      const ids = await parked(2, embedded({ dir: mkdtempSync(join(home, 'data-')), inProcess: true }))
      const [id = ''] = ids
      const remove = (options: OutboxOptions, of?: string): Promise<Ended> => here('remove', url(), options, of)
      expect((await remove({ yes: true }, id)).code).toBe(OUTBOX_EXIT.usage)
      expect((await remove({ yes: true, note: 'all' })).code).toBe(OUTBOX_EXIT.usage)
      expect(await remove({ note: 'stale' }, id)).toMatchObject({ code: OUTBOX_EXIT.notDone, stdout: '' })
      expect((await remove({ note: 'stale', yes: true }, 'nobody')).stderr).toContain('no message nobody is parked')
      expect(listed(await here('list', url(), { json: true }))).toHaveLength(2)
      const done = await remove({ note: 'stale', by: 'ada', yes: true }, id)
      expect([done.code, done.stdout]).toEqual([
        OUTBOX_EXIT.fine,
        expect.stringMatching(new RegExp(`^removed ${id} at \\d+;`)),
      ])
      const [left] = listed(await here('list', url(), { json: true }))
      expect(left?.id).toBe(ids[1])
      expect((await remove({ note: 'too', position: [left?.position ?? ''], yes: true, by: 'bob' })).code).toBe(
        OUTBOX_EXIT.fine,
      )
      const record = await here('removed', url(), { json: true })
      expect(JSON.parse(record.stdout)).toMatchObject({
        removed: [
          { id: ids[1], by: 'bob', note: 'too', key: 'k1' },
          {
            id,
            by: 'ada',
            note: 'stale',
            channel: 'shop.pay',
            key: 'k0',
            bytes: 17,
            error: expect.stringContaining('UNROUTABLE'),
          },
        ],
        after: null,
      })
      expect((await here('removed', url(), { limit: '1' })).stdout).toMatch(/ bob +too +.*\nand more: --after \d+$/)
    })

    test('several of one id are told apart by their positions', { timeout: LONG }, async () => {
      await parked(1, embedded({ dir: mkdtempSync(join(home, 'data-')), inProcess: true }))
      const positions = await withStore(url(), async (store) => {
        const [row] = await store.outbox.operations.parked(0n, 1)
        const found = await store.outbox.operations.find(row?.position ?? 0n)
        if (found === undefined) throw new Error('nothing is parked')
        const again = { message: { ...found.message, body: found.body }, to: found.to }
        await store.transaction((tx) => store.within(tx).enqueue([again]))
        const [second] = await store.outbox.fetch(
          Array.from({ length: 32 }, (_, lane) => lane),
          0n,
          1,
        )
        await store.outbox.park(second?.position ?? 0n, 'again')
        return { id: found.message.id, first: found.position, second: second?.position }
      })
      const { id, first, second } = positions
      const several = await here('show', url(), {}, id)
      expect([several.code, several.stderr]).toEqual([
        OUTBOX_EXIT.notDone,
        `several messages ${id} are parked; name one:\n  --position ${first}\n  --position ${second}`,
      ])
      expect((await here('show', url(), { position: [String(second)] })).stdout).toContain('again')
    })

    test('does not make tables, and says where they are missing', { timeout: LONG }, async () => {
      expect(await here('status', url())).toMatchObject({
        code: OUTBOX_EXIT.notDone,
        stderr: /waybill store migrate|there is no file/,
      })
    })
  })

/** Fails where these packages are asked for, as where they are not installed. */
const WITHOUT_DRIVERS = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module'
registerHooks({ resolve(specifier, context, next) {
  if (!/^(pg|mysql2)(\\/|$)/.test(specifier)) return next(specifier, context)
  throw Object.assign(new Error('no ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' })
} })`)}`

describe('waybill outbox', () => {
  test('loads no driver but that of its database', { timeout: LONG }, async () => {
    const url = `sqlite:${join(home, 'alone.db')}`
    await withStore(url, async () => {})
    const node = ['--import', WITHOUT_DRIVERS]
    expect((await waybill(['status', '--url', url], { node })).code).toBe(OUTBOX_EXIT.fine)
    for (const [scheme, driver] of [['postgres', 'pg'], ['mysql', 'mysql2']] as const) {
      const { code, stderr } = await waybill(['status', '--url', `${scheme}://root:secret@127.0.0.1/shop`], { node })
      expect([code, stderr]).toEqual([OUTBOX_EXIT.notDone, expect.stringContaining('WAYBILL_DRIVER_MISSING')])
      expect(stderr).toContain(`npm i ${driver}`)
      expect(stderr).not.toContain('secret')
    } // prettier-ignore
  })

  test.each<[readonly string[], number, string]>([
    [['status'], OUTBOX_EXIT.usage, 'neither --url nor WAYBILL_STORE_URL'],
    [['status', '--url', 'amqp://guest:secret@host'], OUTBOX_EXIT.usage, 'no store is reached by amqp:'],
    [['status', '--url', `sqlite:${join(home, 'nowhere.db')}`], OUTBOX_EXIT.notDone, 'there is no file'],
    [['status', '--url', 'postgres://a:secret@127.0.0.1:1/shop'], OUTBOX_EXIT.unavailable, 'WAYBILL_DATABASE_FAILED'],
    [['status', '--url', 'mysql://a:secret@127.0.0.1:1/shop'], OUTBOX_EXIT.unavailable, 'WAYBILL_DATABASE_FAILED'],
    [['list', '--nonsense'], OUTBOX_EXIT.usage, 'unknown option'],
    [['nonsense'], OUTBOX_EXIT.usage, 'unknown command'],
    [['list', '--url', `sqlite:${MAIN}`, '--limit', '10001'], OUTBOX_EXIT.unavailable, 'file is not a database'],
  ])('%o: %i', { timeout: LONG }, async (args, code, why) => {
    const ended = await waybill(args)
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(why)])
    expect(ended.stderr).not.toContain('secret')
  })

  test('a page has a largest size, a position is a number', { timeout: LONG }, async () => {
    const url = `sqlite:${join(home, 'limits.db')}`
    await withStore(url, async () => {})
    expect(await here('list', url, { limit: '10001' })).toMatchObject({
      code: OUTBOX_EXIT.usage,
      stderr: /at most 10000/,
    })
    expect(await here('list', url, { after: 'x' })).toMatchObject({
      code: OUTBOX_EXIT.usage,
      stderr: /must be a position/,
    })
    expect((await here('show', url)).code).toBe(OUTBOX_EXIT.usage)
  })
})
