// The relay over SQLite, on virtual time, with a broker that answers as the test says.
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { wireMessage } from '../message/build-message.ts'
import { virtualRuntime, type VirtualRuntime } from '../runtime/virtual-runtime.ts'
import type { OutboxRow, Store } from '../store/store.ts'
import { sqliteStore } from '../stores/sqlite/sqlite-store.ts'
import type { RowAnswer } from './row-answer.ts'
import { Relay } from './relay.ts'

interface Sent {
  readonly row: OutboxRow
  readonly answer: (answer: RowAnswer) => void
}

class Stage {
  readonly runtime: VirtualRuntime = virtualRuntime()
  readonly database = new DatabaseSync(':memory:')
  readonly store: Store<DatabaseSync> = sqliteStore(this.database)
  readonly told: string[] = []

  async open(): Promise<this> {
    await this.store.open(this.runtime, new AbortController().signal)
    return this
  }

  /** A relay whose sends are kept for the test to answer. */
  async relay(more: { readonly pollMs?: number; readonly attempts?: number } = {}) {
    const sent: Sent[] = []
    const relay = new Relay({
      store: this.store, runtime: this.runtime, pollMs: 1_000, leaseMs: 15_000, batch: 512, attempts: 10, ...more,
      send: (row) => new Promise((answer) => sent.push({ row, answer })),
      observer: {
        storeFailed: () => this.told.push('down'),
        storeAnswers: () => this.told.push('up'),
        refused: ({ message: { id } }) => this.told.push(`refused ${id}`),
        parked: ({ message: { id } }) => this.told.push(`parked ${id}`),
      },
    }) // prettier-ignore
    await relay.start()
    return { relay, sent, ids: () => sent.map(({ row }) => row.message.id) }
  }

  /** Rows of `<key><number>`, or of no key. */
  async write(...ids: readonly string[]): Promise<void> {
    const rows = ids.map((id) => {
      const key = /^[a-z]+(?=\d)/.exec(id)?.[0]
      const fields = {
        source: '/t',
        type: 't.made',
        kind: 'event',
        contentType: '',
        body: new Uint8Array(1),
        key,
        id,
      } as const
      return { message: wireMessage(fields, this.runtime), to: { kind: 'events', name: 't', shards: 4 } as const }
    })
    await this.store.transaction((tx) => this.store.within(tx).enqueue(rows))
  }
  async waiting(): Promise<number> {
    return (await this.store.outbox.inspect()).waiting
  }
}

const stored: RowAnswer = { outcome: 'stored' }
const unknown: RowAnswer = { outcome: 'unknown', error: new Error('the link broke') }
const refused: RowAnswer = { outcome: 'refused', error: new Error('too large') }

test('rows of one key go one after the other, those of others meanwhile; what is stored is removed', async () => {
  const stage = await new Stage().open()
  const { relay, sent, ids } = await stage.relay()
  await stage.write('a1', 'a2', 'b1', '!', 'b2')
  relay.wake()
  await stage.runtime.settle()
  expect(ids()).toEqual(['a1', 'b1', '!'])
  sent[1]?.answer(stored)
  await stage.runtime.settle()
  expect(ids()).toEqual(['a1', 'b1', '!', 'b2'])
  expect(await stage.waiting()).toBe(4)
  for (const { answer } of sent) answer(stored)
  await stage.runtime.settle()
  sent[4]?.answer(stored)
  await stage.runtime.settle()
  expect(ids().at(-1)).toBe('a2')
  expect(await stage.waiting()).toBe(0)
  await relay.close(0)
})

test('an unknown outcome is sent again after a second, with the same id, before what comes after it, and counts nothing', async () => {
  const stage = await new Stage().open()
  const { relay, sent, ids } = await stage.relay()
  await stage.write('a1', 'a2')
  relay.wake()
  await stage.runtime.settle()
  for (let n = 0; n < 20; n++) {
    sent[n]?.answer(unknown)
    await stage.runtime.advance(1_000)
  }
  expect(new Set(ids())).toEqual(new Set(['a1']))
  sent.at(-1)?.answer(stored)
  await stage.runtime.settle()
  expect(ids().at(-1)).toBe('a2')
  expect(stage.told).toEqual([])
  await relay.close(0)
})

test('a refused row is tried again later each time, holds back its key alone, and is parked', async () => {
  const stage = await new Stage().open()
  const { relay, sent, ids } = await stage.relay({ attempts: 3 })
  await stage.write('a1', 'a2', 'b1')
  relay.wake()
  await stage.runtime.settle()
  sent[0]?.answer(refused)
  sent[1]?.answer(stored)
  await stage.runtime.settle()
  await stage.write('a3', 'c1')
  relay.wake()
  await stage.runtime.settle()
  expect(ids()).toEqual(['a1', 'b1', 'c1'])
  await stage.runtime.advance(499)
  expect(ids()).toHaveLength(3)
  await stage.runtime.advance(1)
  expect(ids()).toEqual(['a1', 'b1', 'c1', 'a1'])
  sent[3]?.answer(refused)
  await stage.runtime.advance(999)
  expect(ids()).toHaveLength(4)
  await stage.runtime.advance(1)
  sent[4]?.answer(refused)
  await stage.runtime.settle()
  expect(stage.told).toEqual(['refused a1', 'refused a1', 'parked a1'])
  expect(ids().slice(5)).toEqual(['a2'])
  expect(await stage.store.outbox.parked(9)).toMatchObject([{ message: { id: 'a1' }, error: 'too large' }])
  await relay.close(0)
})

test('a lane of a relay that died is taken over when its lease has run out', async () => {
  const stage = await new Stage().open()
  await stage.store.outbox.claimLanes('dead', 32, 15_000)
  const { relay, ids } = await stage.relay()
  await stage.write('a1')
  await stage.runtime.advance(14_000)
  expect(ids()).toEqual([])
  await stage.runtime.advance(2_000)
  expect(ids()).toEqual(['a1'])
  await relay.close(0)
})

test('two relays share the lanes; one that closes leaves them to the other at once', async () => {
  const stage = await new Stage().open()
  const one = await stage.relay()
  const rows = Array.from({ length: 64 }, (_, n) => `k${String.fromCharCode(97 + (n % 26)).repeat(1 + (n % 3))}${n}`)
  const other = await stage.relay()
  await stage.runtime.advance(6_000) // the first one learns of the second
  await stage.write(...rows)
  for (const { relay } of [one, other]) relay.wake()
  await stage.runtime.settle()
  const first = new Set(one.sent.map(({ row }) => row.lane))
  expect(first.size).toBeGreaterThan(0)
  expect(other.sent.length).toBeGreaterThan(0)
  expect(other.sent.filter(({ row }) => first.has(row.lane))).toEqual([])
  const closed = one.relay.close(60_000)
  for (let round = 0; round < 20; round++) {
    for (const { answer } of [...one.sent, ...other.sent]) answer(stored)
    await stage.runtime.advance(100)
  }
  await closed
  await stage.runtime.advance(6_000)
  for (let round = 0; round < 20; round++) {
    for (const { answer } of other.sent) answer(stored)
    await stage.runtime.advance(100)
  }
  expect([...one.ids(), ...other.ids()].toSorted()).toEqual(rows.toSorted())
  expect(await stage.store.outbox.countOwners()).toBe(1)
  await other.relay.close(0)
  expect(await stage.store.outbox.countOwners()).toBe(0)
})

test('who gives lanes back waits for what is on the way, but not for long', async () => {
  const stage = await new Stage().open()
  const one = await stage.relay()
  await stage.write(...Array.from({ length: 26 }, (_, n) => `${String.fromCharCode(97 + n)}1`))
  one.relay.wake()
  await stage.runtime.settle()
  expect(one.sent).toHaveLength(26)
  const other = await stage.relay()
  await stage.runtime.advance(1_200) // one has heard of the other by now
  await stage.write(...Array.from({ length: 26 }, (_, n) => `x${String.fromCharCode(97 + n)}1`))
  one.relay.wake()
  await stage.runtime.settle()
  expect([one.sent.length, other.sent.length]).toEqual([26, 0])
  for (let round = 0; round < 20; round++) {
    for (const { answer } of [...one.sent, ...other.sent]) answer(stored)
    await stage.runtime.advance(100)
  }
  expect(await stage.waiting()).toBe(0)
  expect(one.sent.length + other.sent.length).toBe(52) // nothing twice
  const before = [one.sent.length, other.sent.length] as const
  await stage.write(...Array.from({ length: 26 }, (_, n) => `${String.fromCharCode(97 + n)}2`))
  await stage.runtime.advance(2_000)
  expect([one.sent.length > before[0], other.sent.length > before[1]]).toEqual([true, true])
  expect(one.sent.length + other.sent.length).toBe(78)
  await Promise.all([one.relay.close(0), other.relay.close(0)])
})

test('a database that fails is asked again each second, told of once, and nothing is lost', async () => {
  const stage = await new Stage().open()
  const { relay, sent, ids } = await stage.relay()
  await stage.write('a1')
  relay.wake()
  await stage.runtime.settle()
  stage.database.exec('alter table waybill_outbox rename to away')
  sent[0]?.answer(stored)
  await stage.runtime.advance(5_000)
  expect(stage.told).toEqual(['down'])
  stage.database.exec('alter table away rename to waybill_outbox')
  await stage.write('a2')
  await stage.runtime.advance(2_000)
  expect(stage.told).toEqual(['down', 'up'])
  expect(ids()).toEqual(['a1', 'a2']) // the first one was stored, and is removed now
  expect(await stage.waiting()).toBe(1)
  await relay.close(0)
})

test('a relay whose lease has run out sends nothing more, and nothing that others may have sent meanwhile', async () => {
  const stage = await new Stage().open()
  const { relay, sent, ids } = await stage.relay()
  await stage.write('a1', 'a2', 'b1', 'b2')
  relay.wake()
  await stage.runtime.settle()
  expect(ids()).toEqual(['a1', 'b1'])
  stage.database.exec('alter table waybill_lane rename to away')
  await stage.runtime.advance(16_000)
  sent[0]?.answer(stored)
  await stage.runtime.settle()
  expect(ids()).toEqual(['a1', 'b1'])
  stage.database.exec('alter table away rename to waybill_lane')
  // Another one takes the lanes over, sends everything, and is gone again before the first one looks.
  const lanes = await stage.store.outbox.claimLanes('other', 32, 15_000)
  expect(lanes).toHaveLength(32)
  const rows = await stage.store.outbox.fetch(lanes, 0n, 9)
  await stage.store.outbox.remove(rows.map(({ position }) => position))
  await stage.store.outbox.releaseLanes('other')
  await stage.write('a3')
  await stage.runtime.advance(3_000)
  expect(ids()).toEqual(['a1', 'b1', 'a3'])
  await relay.close(0)
})

test('a drain ends when everything is sent, or at its deadline', async () => {
  const stage = await new Stage().open()
  const { relay, sent } = await stage.relay()
  await stage.write('a1', 'b1')
  const closed = relay.close(10_000)
  await stage.runtime.settle()
  expect(sent).toHaveLength(2)
  let ended = false
  void closed.then(() => (ended = true))
  sent[0]?.answer(stored)
  await stage.runtime.advance(9_000)
  expect(ended).toBe(false)
  await stage.runtime.advance(1_000)
  expect(ended).toBe(true)
  expect(await stage.waiting()).toBe(1)
})

test('what is written where nobody tells of the commit is looked for at growing intervals', async () => {
  const stage = await new Stage().open()
  const { relay, ids } = await stage.relay({ pollMs: 60_000 })
  await stage.runtime.settle()
  relay.expect('a1')
  await stage.runtime.advance(100)
  await stage.write('a1')
  await stage.runtime.advance(200)
  expect(ids()).toEqual(['a1'])
  relay.expect('never')
  await stage.runtime.advance(5_000)
  expect(stage.runtime.timers[0]).toBeGreaterThan(stage.runtime.now() + 500) // it has given up: that is the lease
  await relay.close(0)
})
