// Outbox and inbox on PostgreSQL beside what one writes by hand, on a server of their own; rows go to the embedded broker.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { embedded } from 'waybill'
import { postgresStore } from 'waybill/stores'
import type { Channel, Transport, WireMessage } from 'waybill/transport'
import { SendQueue } from '../packages/waybill/src/bus/sending/send-queue.ts'
import { Relay } from '../packages/waybill/src/outbox/relay.ts'
import { Deadlines } from '../packages/waybill/src/runtime/deadlines.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import type { Store } from '../packages/waybill/src/store/store.ts'
import { PostgresServer } from '../packages/waybill/src/testing/servers/postgres-server.ts'
import { messageOf } from './bench-message.ts'
import { OutboxTwin } from './outbox-twin.ts'
import { interval, median, pairs } from './pairs.ts'

const BODY = Buffer.alloc(100, 'x')
const BACKLOG = 10_000
const LARGE_BACKLOG = 1_000_000
const KEYS = 1_000
/** Rows of one transaction when filling. */
const FILL = 500
/** Messages of one transaction of a batch handler. */
const INBOX_BATCH = 100
/** Without an order. */
const CHANNEL: Channel = { kind: 'events', name: 'orders', shards: 1 }
/** In the order of each key. */
const BY_KEY: Channel = { kind: 'events', name: 'payments', shards: 8 }
const runtime = systemRuntime()

interface Parts {
  readonly store: Store<pg.PoolClient>
  readonly transport: Transport
  readonly twin: OutboxTwin
  readonly url: string
}

export async function outboxBench(rounds: number): Promise<void> {
  const server = await PostgresServer.start()
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-'))
  const pool = new pg.Pool({ connectionString: server.url, max: 8 })
  const store = postgresStore(pool)
  const transport = await embedded({ dir: folder })(runtime)
  try {
    await store.open(runtime, new AbortController().signal)
    await transport.connect(AbortSignal.timeout(10_000))
    // Without a group the broker would store nothing.
    const groups = [CHANNEL, BY_KEY].map((channel) => ({ channel, name: 'shipping', ordered: channel.shards > 1 }))
    await transport.declare({ channels: [CHANNEL, BY_KEY], groups })
    const parts: Parts = { store, transport, twin: await OutboxTwin.open(server.url), url: server.url }
    await prompt(parts, 'at a light load')
    await relayed(parts, CHANNEL, rounds)
    await relayed(parts, BY_KEY, rounds)
    await handled(parts, rounds)
    await prompt(parts, `after ${(rounds + 1) * 2 * BACKLOG} rows in a short time`)
    await drained(parts)
    await parts.twin.close()
  } finally {
    await transport.close(1_000)
    await store.close()
    await pool.end()
    await server.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** A backlog of 10,000 rows: ours and the twin's, in alternating pairs. */
async function relayed({ store, transport, twin }: Parts, to: Channel, rounds: number): Promise<void> {
  const results = await pairs(
    rounds,
    async () => {
      await fill(store, to, BACKLOG)
      return await rate(BACKLOG, () => relayAll(store, transport))
    },
    async () => {
      for (let n = 0; n < BACKLOG; n += FILL) await twin.fill(Array.from({ length: FILL }, (_, i) => keyed(n + i)))
      return await rate(BACKLOG, () => twin.relay(transport, to))
    },
  )
  const order = to.shards > 1 ? `in the order of ${KEYS} keys, which the twin does not keep` : 'without an order'
  show(`Outbox: ${BACKLOG} rows of ${BODY.length} B relayed ${order}, ${rounds} pairs`, results, 0.6)
}

/** Batches of 100 messages with one write of the user's each. */
async function handled({ store, twin, url }: Parts, rounds: number): Promise<void> {
  const admin = new pg.Client(url)
  await admin.connect()
  await admin.query('CREATE TABLE totals (id integer PRIMARY KEY, total bigint NOT NULL)')
  await admin.query('INSERT INTO totals VALUES (1, 0)')
  await admin.end()
  const total = 20_000
  const write = (client: { query(config: pg.QueryConfig): Promise<unknown> }, count: number): Promise<unknown> =>
    client.query({ name: 'write', text: 'UPDATE totals SET total = total + $1 WHERE id = 1', values: [count] })
  const batches = (): readonly (readonly string[])[] =>
    Array.from({ length: total / INBOX_BATCH }, () => Array.from({ length: INBOX_BATCH }, () => runtime.newId()))
  const results = await pairs(
    rounds,
    () => {
      const all = batches()
      return rate(total, async () => {
        for (const ids of all) {
          await store.transaction(async (tx) => {
            const known = await store.within(tx).receive('shipping', ids)
            await write(tx, ids.length - known.size)
          })
        }
      })
    },
    () => {
      const all = batches()
      return rate(total, async () => {
        for (const ids of all) await twin.handle(ids, write)
      })
    },
  )
  show(`Inbox: ${total} messages in transactions of ${INBOX_BATCH}, ${rounds} pairs`, results, 0.6)
}

/** One at a time: from the end of the commit until the broker is given the message, beside a bare notification. */
async function prompt({ store, transport, url }: Parts, when: string): Promise<void> {
  const sent = new Map<string, (at: number) => void>()
  const seen: Transport = {
    ...bound(transport),
    send: async (batch) => {
      for (const { message } of batch) sent.get(message.id)?.(performance.now())
      return await transport.send(batch)
    },
  }
  const relay = relayOf(store, seen)
  await relay.start()
  const ours: number[] = []
  const theirs: number[] = []
  const [teller, listener] = [new pg.Client(url), new pg.Client(url)]
  await Promise.all([teller.connect(), listener.connect()])
  await listener.query('LISTEN twin')
  for (let n = 0; n < 500; n++) {
    const message = keyed(n)
    const handed = new Promise<number>((resolve) => sent.set(message.id, resolve))
    await store.transaction((tx) => store.within(tx).enqueue([{ message, to: CHANNEL }]))
    const committed = performance.now()
    ours.push(Math.max(0, (await handed) - committed))
    await pause(10)
    const heard = new Promise<number>((resolve) => listener.once('notification', () => resolve(performance.now())))
    const told = performance.now()
    await teller.query('NOTIFY twin')
    theirs.push((await heard) - told)
    await pause(10)
  }
  await relay.close(5_000)
  await Promise.all([teller.end(), listener.end()])
  const [mine, bare] = [p99(ours), p99(theirs)]
  console.log(`Outbox: from commit to publish ${when}, 500 times, beside a bare NOTIFY`)
  console.log(`  waybill, ms: median ${median(ours).toFixed(2)}, p99 ${mine.toFixed(2)}`)
  console.log(`  NOTIFY, ms: median ${median(theirs).toFixed(2)}, p99 ${bare.toFixed(2)}`)
  console.log(`  p99, ratio (target <= 5)              ${(mine / bare).toFixed(2)}`)
}

/** Whether a large backlog is drained as fast as a small one. */
async function drained({ store, transport }: Parts): Promise<void> {
  const small: number[] = []
  for (let n = 0; n < 5; n++) {
    await fill(store, CHANNEL, BACKLOG)
    small.push(await rate(BACKLOG, () => relayAll(store, transport)))
  }
  await fill(store, CHANNEL, LARGE_BACKLOG)
  const large = await rate(LARGE_BACKLOG, () => relayAll(store, transport))
  console.log(`Outbox: a backlog of ${LARGE_BACKLOG} rows beside one of ${BACKLOG}`)
  console.log(`  ${BACKLOG}, rows /s                       ${interval(small, 0)}`)
  console.log(`  ${LARGE_BACKLOG}, rows /s                     ${large.toFixed(0)}`)
  console.log(`  ratio (target about 1)                ${(large / median(small)).toFixed(2)}`)
}

function relayOf(store: Store<unknown>, transport: Transport): Relay {
  const sends = new SendQueue(transport, runtime, new Deadlines(runtime))
  return new Relay({
    store,
    runtime,
    send: async ({ message, to }) => {
      await sends.send({ message, to }, 30_000)
      return { outcome: 'stored' }
    },
    observer: { storeFailed: fail, storeAnswers: () => {}, refused: fail, parked: fail },
    pollMs: 1_000,
    leaseMs: 15_000,
    batch: 512,
    attempts: 10,
  })
}

/** All that waits in the outbox. */
export async function relayAll(store: Store<unknown>, transport: Transport): Promise<void> {
  const relay = relayOf(store, transport)
  await relay.start()
  await relay.close(600_000)
}

async function fill(store: Store<pg.PoolClient>, to: Channel, count: number): Promise<void> {
  for (let n = 0; n < count; n += FILL) {
    const rows = Array.from({ length: FILL }, (_, i) => ({ message: keyed(n + i), to }))
    await store.transaction((tx) => store.within(tx).enqueue(rows))
  }
}

function keyed(n: number): WireMessage {
  return { ...messageOf(BODY, 'event', undefined), key: `customer-${n % KEYS}` }
}

/** So many a second. */
export async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return (count / (performance.now() - began)) * 1_000
}

function show(title: string, results: readonly { readonly a: number; readonly b: number }[], target: number): void {
  console.log(title)
  console.log(
    `  waybill /s                            ${interval(
      results.map(({ a }) => a),
      0,
    )}`,
  )
  console.log(
    `  by hand /s                            ${interval(
      results.map(({ b }) => b),
      0,
    )}`,
  )
  console.log(`  ratio (target >= ${target})                 ${interval(results.map(({ a, b }) => a / b))}`)
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN
}

/** Its methods as own properties, so that they can be spread. */
function bound(transport: Transport): Transport {
  return {
    name: transport.name,
    connect: (signal) => transport.connect(signal),
    declare: (topology) => transport.declare(topology),
    send: (batch) => transport.send(batch),
    subscribe: (spec, receive) => transport.subscribe(spec, receive),
    addressOf: (channel) => transport.addressOf(channel),
    routeFacts: (group) => transport.routeFacts(group),
    visitDeadLetters: (group, visit) => transport.visitDeadLetters(group, visit),
    inspect: () => transport.inspect(),
    close: (deadlineMs) => transport.close(deadlineMs),
    onEvent: (listener) => transport.onEvent(listener),
  }
}

function fail(...what: readonly unknown[]): void {
  console.error(...what)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
