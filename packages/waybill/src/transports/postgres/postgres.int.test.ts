import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { PostgresServer } from '../../testing/servers/postgres-server.ts'
import { channel, group, message } from '../../transport/fixtures.test-support.ts'
import type { Delivery, Group, Subscription, Transport } from '../../transport/transport.ts'
import type { PostgresOptions } from './postgres-options.ts'
import { postgres } from './postgres.ts'
import { publicationValues } from './publication.ts'
import { statementsOf } from './sql/statements.ts'

vi.setConfig({ testTimeout: 60_000 })

const runtime = systemRuntime()
const missing = PostgresServer.findProgram() === undefined ? 'PostgreSQL is not installed' : undefined

describeNeeding(missing)('postgres() on a PostgreSQL of our own', () => {
  let server: PostgresServer | undefined
  const open: { close(): Promise<unknown> }[] = []
  let schemas = 0

  const url = (): string => server?.url ?? ''
  const newSchema = (): string => `test_${++schemas}`

  async function client(): Promise<pg.Client> {
    const made = new pg.Client({ connectionString: url() })
    await made.connect()
    open.push({ close: () => made.end().catch(() => undefined) })
    return made
  }

  async function transport(options: Partial<PostgresOptions> = {}): Promise<Transport> {
    const made = await postgres({ url: url(), ...options })(runtime)
    open.push({ close: () => made.close(0) })
    await made.connect(new AbortController().signal)
    return made
  }

  async function received(by: Transport, of: Group, texts: string[]): Promise<Subscription> {
    let subscription: Subscription | undefined
    const held: Delivery[] = []
    const ack = (): void =>
      subscription?.settle(held.splice(0).map((delivery) => ({ delivery, action: 'ack' as const })))
    subscription = await by.subscribe({ group: of, transient: false, prefetch: 100 }, (batch) => {
      texts.push(...batch.map((each) => each.message.id))
      held.push(...batch)
      ack()
    })
    ack()
    return subscription
  }

  beforeAll(async () => {
    server = await PostgresServer.start()
  }, 60_000)
  afterAll(async () => {
    await Promise.all(open.map((each) => each.close()))
    await server?.stop()
  }, 60_000)

  describe('migrations', () => {
    test('five processes that start at once make one schema', async () => {
      const schema = newSchema()
      await Promise.all(Array.from({ length: 5 }, () => transport({ schema })))
      const { rows } = await (await client()).query(`SELECT version, least FROM ${schema}.version`)
      expect(rows).toEqual([{ version: 1, least: 1 }])
    })

    test('a newer schema is used where it says that this version may, and refused where not', async () => {
      const schema = newSchema()
      await transport({ schema })
      const admin = await client()
      await admin.query(`UPDATE ${schema}.version SET version = 7`)
      await transport({ schema })
      await admin.query(`UPDATE ${schema}.version SET least = 6`)
      await expect(transport({ schema })).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_STORE_VERSION'))
    })

    test('one that may not migrate says what is missing, and makes nothing', async () => {
      const schema = newSchema()
      await expect(transport({ schema, migrate: false })).rejects.toSatisfy((error) =>
        isWaybillError(error, 'WAYBILL_NOT_FOUND'),
      )
      const { rows } = await (await client()).query('SELECT to_regnamespace($1) AS found', [schema])
      expect(rows).toEqual([{ found: null }])
    })
  })

  describe('addresses', () => {
    test('are tried in turn, and one that is read-only counts as away', async () => {
      const admin = await client()
      const port = server?.port ?? 0
      await transport({ url: `postgres://postgres@127.0.0.1:1,127.0.0.1:${port}/postgres`, schema: newSchema() })
      await admin.query('CREATE DATABASE standby')
      await admin.query('ALTER DATABASE standby SET default_transaction_read_only = on')
      const readOnly = transport({ url: `postgres://postgres@127.0.0.1:${port}/standby` })
      await expect(readOnly).rejects.toThrow(/read-only/)
    })

    test('refused credentials and a database that is not there are told apart', async () => {
      const port = server?.port ?? 0
      const refusal = (address: string): Promise<unknown> =>
        transport({ url: address }).catch((error: unknown) => error)
      const nobody = await refusal(`postgres://nobody@127.0.0.1:${port}/postgres`)
      expect(isWaybillError(nobody, 'WAYBILL_ACCESS_REFUSED')).toBe(true)
      const nowhere = await refusal(`postgres://postgres@127.0.0.1:${port}/nowhere`)
      expect(isWaybillError(nowhere, 'WAYBILL_NOT_FOUND')).toBe(true)
    })
  })

  test('a group that an operator has deleted is made again by its members', async () => {
    const schema = newSchema()
    const events = channel('events', 'orders')
    const sender = await transport({ schema, lease: '1s' })
    const texts: string[] = []
    const told: string[] = []
    sender.onEvent(({ type }) => void told.push(type))
    await received(sender, group(events, 'shipping'), texts)
    await (await client()).query(`DELETE FROM ${schema}.consumer_group`)
    await vi.waitFor(() => expect(told).toContain('subscription-restored'), 10_000)
    await sender.send([{ message: message('m1'), to: events }])
    await vi.waitFor(() => expect(texts).toEqual(['m1']), 10_000)
  })

  test('a message of a transaction that commits late is not passed over', async () => {
    const schema = newSchema()
    const events = channel('events', 'orders')
    const sender = await transport({ schema, pollInterval: '100ms' })
    const texts: string[] = []
    await received(sender, group(events, 'shipping'), texts)

    const user = await client()
    await user.query('BEGIN')
    const values = publicationValues([{ message: message('late'), target: 'orders', shard: 0, delayMs: 0 }])
    await user.query(statementsOf(schema).publish.text, [...values])
    for (let n = 1; n <= 3; n++) {
      await sender.send([{ message: message(`early${n}`), to: events }])
      await vi.waitFor(() => expect(texts).toContain(`early${n}`), 10_000)
    }
    expect(texts).not.toContain('late')
    await user.query('COMMIT')
    await vi.waitFor(() => expect(texts).toContain('late'), 10_000)
  })

  test('order holds where a key’s first message was stored by a transaction that commits after others', async () => {
    const schema = newSchema()
    const events = channel('events', 'orders', 1)
    const sender = await transport({ schema })
    const ordered = group(events, 'shipping', { ordered: true })
    for (let round = 1; round <= 5; round++) {
      const texts: string[] = []
      const subscription = await received(sender, ordered, texts)
      const user = await client()
      await user.query('BEGIN')
      const first = message(`first${round}`, { key: 'ada' })
      const values = publicationValues([{ message: first, target: 'orders', shard: 0, delayMs: 0 }])
      await user.query(statementsOf(schema).publish.text, [...values])
      // Others come and go, with larger ids, for longer than it takes to look again from further back.
      for (let n = 1; n <= 30; n++) {
        await sender.send([{ message: message(`other${n}`, { key: `key${n}` }), to: events }])
        await vi.waitFor(() => expect(texts).toContain(`other${n}`), 10_000)
      }
      await user.query('COMMIT')
      await sender.send([{ message: message(`second${round}`, { key: 'ada' }), to: events }])
      await vi.waitFor(() => expect(texts).toContain(`second${round}`), 10_000)
      await vi.waitFor(() => expect(texts).toContain(`first${round}`), 10_000)
      expect(texts.slice(30)).toEqual([`first${round}`, `second${round}`])
      await subscription.close(1_000)
    }
  })

  test('what a transaction stored that is rolled back is not there', async () => {
    const schema = newSchema()
    const events = channel('events', 'orders')
    const sender = await transport({ schema, pollInterval: '100ms' })
    const texts: string[] = []
    await received(sender, group(events, 'shipping'), texts)
    const user = await client()
    await user.query('BEGIN')
    const values = publicationValues([{ message: message('never'), target: 'orders', shard: 0, delayMs: 0 }])
    await user.query(statementsOf(schema).publish.text, [...values])
    await user.query('ROLLBACK')
    await sender.send([{ message: message('after'), to: events }])
    await vi.waitFor(() => expect(texts).toEqual(['after']), 10_000)
  })

  test('a group that begins at the earliest is given a long past once, while others store more', async () => {
    const schema = newSchema()
    const kept = { ...channel('events', 'orders'), retentionMs: 3_600_000 }
    const [sender, other] = [await transport({ schema }), await transport({ schema })]
    await sender.declare({ channels: [kept], groups: [] })
    const send = async (by: Transport, name: string, count: number): Promise<void> => {
      const batch = Array.from({ length: count }, (_, n) => ({ message: message(`${name}${n}`), to: kept }))
      await by.send(batch)
    }
    await send(sender, 'past', 1_200)
    const texts: string[] = []
    let going = true
    let rounds = 0
    const storing = (async () => {
      while (going) await send(other, `round${rounds++}.`, 3)
    })()
    const of = group(kept, 'shipping')
    const held: Delivery[] = []
    let subscription: Subscription | undefined
    subscription = await sender.subscribe(
      { group: of, transient: false, prefetch: 500, start: 'earliest' },
      (batch) => {
        texts.push(...batch.map((each) => each.message.id))
        held.push(...batch)
        subscription?.settle(held.splice(0).map((delivery) => ({ delivery, action: 'ack' as const })))
      },
    )
    going = false
    await storing
    subscription.settle(held.splice(0).map((delivery) => ({ delivery, action: 'ack' as const })))
    await vi.waitFor(() => expect(texts.length).toBeGreaterThanOrEqual(1_200 + 3 * rounds), 20_000)
    expect(new Set(texts).size).toBe(texts.length)
    expect(texts).toHaveLength(1_200 + 3 * rounds)
  })

  test('dead rows are truncated although an old snapshot keeps vacuum from removing them', async () => {
    const schema = newSchema()
    const admin = await client()
    const events = channel('events', 'orders')
    const sender = await transport({ schema, lease: '1s' })
    const texts: string[] = []
    await received(sender, group(events, 'shipping'), texts)
    const old = await client()
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await old.query('SELECT count(*) FROM pg_class')
    const body = new Uint8Array(256 * 1_024)
    for (let n = 0; n < 80; n++) await sender.send([{ message: message(`m${n}`, { body }), to: events }])
    await vi.waitFor(() => expect(texts).toHaveLength(80), 20_000)
    // It has been a while since the last rotation.
    await vi.waitFor(
      async () => {
        await admin.query(`UPDATE ${schema}.slot SET since = now() - interval '1 minute', looked_at = since`)
        const { rows } = await admin.query(
          `SELECT current, pg_table_size('${schema}.queue_1')::int AS size FROM ${schema}.slot`,
        )
        expect(rows).toEqual([{ current: 2, size: expect.toSatisfy((size: number) => size < 100_000) as number }])
      },
      { timeout: 40_000, interval: 200 },
    )
    await sender.send([{ message: message('after'), to: events }])
    await vi.waitFor(() => expect(texts).toContain('after'), 10_000)
    await old.query('COMMIT')
  })

  test('statistics of a queue that was empty do not make settling look through its dead rows', async () => {
    const schema = newSchema()
    const events = channel('events', 'orders')
    const sender = await transport({ schema })
    const texts: string[] = []
    await received(sender, group(events, 'shipping'), texts)
    const old = await client()
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await old.query('SELECT count(*) FROM pg_class')
    const ids = Array.from({ length: 2_000 }, (_, n) => `m${n}`)
    await sender.send(ids.map((id) => ({ message: message(id), to: events })))
    await vi.waitFor(() => expect(texts).toHaveLength(ids.length), 20_000)
    const admin = await client()
    await admin.query(`ANALYZE ${schema}.queue`)
    await admin.query('SET enable_seqscan = off')

    const statements = statementsOf(schema)
    const some = '{1,2,3}'
    const settlings = [
      [statements.ack, [1, 1, some]],
      [statements.retry, [1, 1, some, some, '{a,b,c}']],
      [statements.bury, [1, 1, some, '{a,b,c}']],
      [statements.shardAck, [1, 0, 1, some]],
      [statements.shardLane, [1, 0, 1, some, some, some, '{a,b,c}']],
      [statements.shardBury, [1, 0, 1, some, '{a,b,c}']],
    ] as const
    for (const [{ text }, values] of settlings) {
      const scans = await scansOf(admin, text, values)
      expect(scans.length).toBeGreaterThan(0)
      for (const condition of scans) expect(condition).toContain('(id + 0) = ANY')
    }
    for (const condition of await scansOf(admin, statements.fetch.text, [1, 1, 7, 100]))
      expect(condition).toMatch(/\(id \+ 0\) = ANY|group_id = .*shard = 0.*id >= /)
    await old.query('COMMIT')
  })

  test('finds messages by polling, and says so, where notifications do not come through', async () => {
    const schema = newSchema()
    await transport({ schema })
    // As a pooler in transaction mode does: it takes LISTEN, and notifications go nowhere.
    const heard = vi.spyOn(pg.Client.prototype, 'emit').mockImplementation(function (this: pg.Client, ...args) {
      const [name] = args
      return name === 'notification' ? true : Reflect.apply(Object.getPrototypeOf(pg.Client.prototype).emit as () => boolean, this, args) // prettier-ignore
    })
    try {
      const told: string[] = []
      const deaf = await postgres({ url: url(), schema, pollInterval: '100ms' })(runtime)
      open.push({ close: () => deaf.close(0) })
      deaf.onEvent((event) => {
        if (event.type === 'trouble') told.push(event.error.message)
      })
      await deaf.connect(new AbortController().signal)
      expect(told).toEqual([expect.stringContaining('pgbouncer')])
      const texts: string[] = []
      const events = channel('events', 'orders')
      await received(deaf, group(events, 'shipping'), texts)
      await deaf.send([{ message: message('m1'), to: events }])
      await vi.waitFor(() => expect(texts).toEqual(['m1']), 10_000)
    } finally {
      heard.mockRestore()
    }
  })

  test('tells what the server promises, as its connections are set up', async () => {
    const of = group(channel('events', 'orders'), 'shipping')
    const admin = await client()
    const accepted = async (): Promise<string> =>
      (await (await transport({ schema: 'facts' })).routeFacts(of)).durability.accepted
    expect(await accepted()).toBe('synced')
    await admin.query(`ALTER DATABASE postgres SET synchronous_commit = off`)
    try {
      const facts = (await (await transport({ schema: 'facts' })).routeFacts(of)).durability
      expect(facts).toMatchObject({ accepted: 'memory', lossWindowMs: { value: 600, source: 'read' } })
    } finally {
      await admin.query(`ALTER DATABASE postgres RESET synchronous_commit`)
    }
  })
})

/** By what condition each part of the queue is looked through: `none` where it is by none. */
async function scansOf(admin: pg.Client, statement: string, values: readonly unknown[]): Promise<readonly string[]> {
  interface Node {
    readonly 'Relation Name'?: string
    readonly 'Index Cond'?: string
    readonly 'Recheck Cond'?: string
    readonly 'Node Type': string
    readonly Plans?: readonly Node[]
  }
  const { rows } = await admin.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
    `EXPLAIN (FORMAT JSON) ${statement}`,
    [...values],
  )
  const conditions: string[] = []
  const walk = (node: Node): void => {
    const isLook = (node['Relation Name'] ?? '').startsWith('queue_') && node['Node Type'] !== 'ModifyTable'
    if (isLook) conditions.push(node['Index Cond'] ?? node['Recheck Cond'] ?? 'none')
    node.Plans?.forEach(walk)
  }
  for (const row of rows) walk(row['QUERY PLAN'][0].Plan)
  return conditions
}
