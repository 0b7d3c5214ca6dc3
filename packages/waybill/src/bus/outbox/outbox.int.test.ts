// The outbox between PostgreSQL and RabbitMQ: several relays, deaths, cuts, refusals, backlogs.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool, type PoolClient } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command, contract, event, type } from '../../contract/contract.ts'
import { postgresStore } from '../../stores/postgres/postgres-store.ts'
import { missingPostgres, postgresUrl } from '../../stores/postgres/postgres-stage.test-support.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeNeeding } from '../../testing/needing.test-support.ts'
import { deleteEntities, NO_RABBITMQ, RABBITMQ_URL, uniqueName } from '../../testing/rabbitmq-url.test-support.ts'
import { rabbitmq } from '../../transports/rabbitmq/rabbitmq.ts'
import type { Store } from '../../store/store.ts'
import type { BusOptions } from '../settings/bus-options.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'

const name = uniqueName('outbox')
const schema = name.replaceAll('-', '_')
const CHILD = fileURLToPath(new URL('outbox.child.test-support.ts', import.meta.url))
const things = contract(
  name,
  { shards: 4 },
  {
    made: event(type<{ key: string; n: number }>(), { key: ({ key }) => key }),
    orphan: command(type<{ n: number }>()),
  },
)

describeNeeding(missingPostgres ?? NO_RABBITMQ)('an outbox in PostgreSQL, relayed to RabbitMQ', () => {
  let pool: Pool
  const children: ChildProcess[] = []
  const store = () => postgresStore<PoolClient>(pool, { schema })
  const options = (more: Partial<BusOptions> = {}) =>
    ({ store: store(), transport: rabbitmq({ url: RABBITMQ_URL }), logger: silentLogger, drainOn: [], drainTimeout: '5s',
       ...more, outbox: { lease: '2s', ...more.outbox } }) as const // prettier-ignore

  /** Handles each event once, in order, and keeps what it saw. */
  function keeper(group: string, kept: Store<PoolClient> = store()) {
    const seen = new Map<string, number[]>()
    const keeping = service(group, { store: kept }).on(
      things.made,
      ({ key, n }) => {
        seen.set(key, [...(seen.get(key) ?? []), n])
      },
      { ordered: true, concurrency: 32 },
    )
    const count = (): number => [...seen.values()].reduce((sum, { length }) => sum + length, 0)
    return { keeping, kept, seen, count }
  }
  function child(what: string): ChildProcess {
    const args = ['--conditions=@waybill/source', CHILD, postgresUrl, RABBITMQ_URL, schema, name, what]
    const made = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(made)
    return made
  }
  function ascending(seen: ReadonlyMap<string, readonly number[]>): void {
    for (const numbers of seen.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  }

  beforeAll(() => {
    pool = new Pool({ connectionString: postgresUrl, max: 40 })
  })
  afterAll(async () => {
    for (const each of children) each.kill('SIGKILL') // those that did not end by themselves
    await pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await pool.end()
    const groups = ['after-death', 'shared', 'poisoned', 'slow', 'backlog', 'cut']
    const queues = groups.flatMap((group) =>
      [0, 1, 2, 3]
        .flatMap((shard) => [`${name}:${group}:${shard}`, `${name}:${group}:${shard}:retry`])
        .concat(`${name}:${group}:dead`),
    )
    const exchanges = [name, `${name}:layout`, `${name}.orphan:owner`, `${name}.orphan:layout`].concat(
      groups.flatMap((group) => [`${name}:${group}:members`, `${name}:${group}:layout`]),
    )
    await deleteEntities({ queues: [...queues, `${name}.orphan`, `${name}.orphan:${name}-foster:dead`], exchanges })
  })

  test('what a process committed before it died is sent by another one', { timeout: 30_000 }, async () => {
    const { keeping, kept, seen, count } = keeper('after-death')
    await using _ = await createBus(options({ store: kept, services: [keeping] }))
    const [code, signal] = (await once(child('write'), 'exit')) as [number | null, string | null]
    expect([code, signal]).toEqual([null, 'SIGKILL'])
    await expect.poll(count, { timeout: 15_000 }).toBe(50)
    ascending(seen)
  })

  test('relays share the work, and go on when one of them is killed', { timeout: 60_000 }, async () => {
    const { keeping, kept: shared, seen, count } = keeper('shared')
    await using bus = await createBus(options({ store: shared, services: [keeping] }))
    const other = child('relay')
    await once(other.stdout ?? other, 'data')
    await expect.poll(() => shared.outbox.countOwners(), { timeout: 10_000 }).toBe(2)
    let n = 0
    const write = async (): Promise<void> => {
      await shared.transaction(async (tx) => {
        for (let row = 0; row < 20; row++) void bus.in(tx).publish(things.made, { key: `k${n % 50}`, n: n++ })
        await bus.in(tx).publish(things.made, { key: `k${n % 50}`, n: n++ })
      })
    }
    for (let round = 0; round < 60; round++) {
      await write()
      if (round === 30) other.kill('SIGKILL')
    }
    await expect.poll(count, { timeout: 30_000 }).toBe(n)
    ascending(seen)
    await expect.poll(() => shared.outbox.countOwners(), { timeout: 10_000 }).toBe(1)
  })

  test(
    'a message that the broker refuses is parked, loudly, and holds nothing up but its key',
    { timeout: 30_000 },
    async () => {
      const { keeping, kept: mine, count } = keeper('poisoned')
      const errors: string[] = []
      const logger = { ...silentLogger, error: (_: object, text: string) => void errors.push(text) }
      await using bus = await createBus(options({ store: mine, services: [keeping], logger, outbox: { attempts: 2 } }))
      await mine.transaction(async (tx) => {
        await bus.in(tx).send(things.orphan, { n: 1 })
        for (let n = 0; n < 100; n++) await bus.in(tx).publish(things.made, { key: `${n % 3}`, n })
      })
      await expect.poll(count, { timeout: 10_000 }).toBe(100)
      await expect.poll(() => errors, { timeout: 10_000 }).toEqual([expect.stringMatching(/is parked/)])
      expect(await bus.health()).toMatchObject({
        healthy: false,
        outboxes: [{ parked: 1, waiting: 0, healthy: false }],
      })
      const parked = await mine.outbox.parked(10)
      expect(parked).toMatchObject([{ error: expect.stringContaining('WAYBILL_UNROUTABLE') as string }])
      // Now somebody claims it.
      const orphans: number[] = []
      const foster = service(`${name}-foster`).on(things.orphan, ({ n }) => void orphans.push(n))
      await using _ = await createBus(options({ services: [foster] }))
      await mine.outbox.unpark(parked.map(({ position }) => position))
      await expect.poll(() => orphans, { timeout: 10_000 }).toEqual([1])
    },
  )

  test(
    'a slow commit is not overtaken by its own later messages, and is sent soon after',
    { timeout: 30_000 },
    async () => {
      const { keeping, seen, count } = keeper('slow')
      const mine = store()
      await using bus = await createBus(options({ store: mine, services: [keeping] }))
      const slow = mine.transaction(async (tx) => {
        await bus.in(tx).publish(things.made, { key: 'slow', n: 0 })
        for (let n = 0; n < 30; n++) {
          await mine.transaction((quick) => bus.in(quick).publish(things.made, { key: `quick${n % 3}`, n }))
          await bus.in(tx).publish(things.made, { key: 'slow', n: n + 1 })
        }
        await expect.poll(count, { timeout: 10_000 }).toBe(30) // the quick ones are through
        await bus.in(tx).publish(things.made, { key: 'slow', n: 31 })
      })
      await slow
      await expect.poll(count, { timeout: 10_000 }).toBe(62)
      ascending(seen)
    },
  )

  test('a backlog is relayed in the order of each key', { timeout: 90_000 }, async () => {
    const mine = store()
    {
      await using bus = await createBus(options({ store: mine, outbox: { relay: false } }))
      for (let batch = 0; batch < 8; batch++) {
        await mine.transaction(async (tx) => {
          for (let n = 0; n < 499; n++) void bus.in(tx).publish(things.made, { key: `k${n % 97}`, n: batch * 500 + n })
          await bus.in(tx).publish(things.made, { key: 'last', n: batch * 500 + 499 })
        })
      }
      expect(await mine.outbox.inspect()).toMatchObject({ waiting: 4_000 })
    }
    const { keeping, seen, count } = keeper('backlog', mine)
    await using _ = await createBus(options({ store: mine, services: [keeping] }))
    await expect.poll(count, { timeout: 60_000, interval: 100 }).toBe(4_000)
    ascending(seen)
  })

  test(
    'a relay whose link is cut sends again what it has no answer for, with the same ids',
    { timeout: 60_000 },
    async () => {
      const url = new URL(RABBITMQ_URL)
      const proxy = await FaultProxy.open({ host: url.hostname, port: Number(url.port || 5672) })
      url.host = `127.0.0.1:${proxy.port}`
      const { keeping, seen, count } = keeper('cut')
      await using _ = await createBus(options({ services: [keeping], outbox: { relay: false } }))
      const mine = store()
      const bus = await createBus(options({ store: mine, transport: rabbitmq({ url: url.href, heartbeatSeconds: 2 }) }))
      for (let batch = 0; batch < 20; batch++) {
        await mine.transaction(async (tx) => {
          for (let n = 0; n < 100; n++) await bus.in(tx).publish(things.made, { key: `k${n % 10}`, n: batch * 100 + n })
        })
        if (batch % 5 === 2) proxy.cut()
      }
      await expect.poll(count, { timeout: 40_000, interval: 100 }).toBe(2_000)
      ascending(seen)
      await bus.drain('2s')
      await proxy.close()
    },
  )
})
