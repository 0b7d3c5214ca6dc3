// Over SQLite in memory: more rows than a page has.
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { isWaybillError } from '../message/errors.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import type { OutboxTable, ParkedRow } from '../store/store.ts'
import { sqliteStore } from '../stores/sqlite/sqlite-store.ts'
import { channel, message } from '../transport/fixtures.test-support.ts'
import { channelOf, isWanted, parkedRows, unparkWhere, type ParkedWhere } from './parked-rows.ts'

const LANES = Array.from({ length: 32 }, (_, lane) => lane)
const to = channel('events', 'orders', 4)
const signal = new AbortController().signal

/** Rows of these keys, in this order, all parked; the id of each is its number. */
async function parkedOf(keys: readonly (string | undefined)[], error = 'no room') {
  const runtime = virtualRuntime()
  const store = sqliteStore(new DatabaseSync(':memory:'))
  await store.open(runtime, signal)
  const rows = keys.map((key, n) => ({ message: message(`m${n}`, { key }), to }))
  await store.transaction((tx) => store.within(tx).enqueue(rows))
  for (const { position } of await store.outbox.fetch(LANES, 0n, 10_000)) await store.outbox.park(position, error)
  const waiting = async (): Promise<readonly string[]> =>
    (await store.outbox.fetch(LANES, 0n, 10_000)).map(({ message: { id } }) => id)
  return { runtime, outbox: store.outbox, waiting }
}

async function idsOf(outbox: OutboxTable, where: ParkedWhere = {}, after = 0n): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const row of parkedRows(outbox, after, signal)) if (isWanted(row, where)) ids.push(row.message.id)
  return ids
}

const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `m${n}`)

test('parkedRows() goes over all pages, and goes on behind a position', async () => {
  const { outbox } = await parkedOf(Array.from({ length: 450 }, () => 'a'))
  expect(await idsOf(outbox)).toEqual(numbered(450))
  expect(await idsOf(outbox, {}, 448n)).toEqual(['m448', 'm449'])
})

test('isWanted() wants every condition, and one value of each', async () => {
  const { runtime, outbox } = await parkedOf(['a', 'b', undefined, 'a'], 'The Queue is full')
  const later = runtime.now() + 1
  expect(await idsOf(outbox, { key: ['a', 'c'] })).toEqual(['m0', 'm3'])
  expect(await idsOf(outbox, { key: ['a'], id: ['m1', 'm3'] })).toEqual(['m3'])
  expect(await idsOf(outbox, { position: [2n] })).toEqual(['m1'])
  expect(await idsOf(outbox, { text: 'queue IS' })).toHaveLength(4)
  expect(await idsOf(outbox, { text: 'gone' })).toEqual([])
  expect(await idsOf(outbox, { channel: ['orders'], type: ['orders.placed'] })).toHaveLength(4)
  expect(await idsOf(outbox, { channel: ['bills'] })).toEqual([])
  expect(await idsOf(outbox, { since: new Date(later) })).toEqual([])
  expect(await idsOf(outbox, { before: new Date(later) })).toHaveLength(4)
  const [row] = await outbox.operations.parked(0n, 1)
  const unnoted = { ...(row as ParkedRow), parkedAt: undefined } // there are four
  expect(isWanted(unnoted, { before: new Date(later) })).toBe(false)
})

test('channelOf() is the name that a channel has at the broker, or the address', () => {
  expect(channelOf({ to })).toBe('orders')
  expect(channelOf({ to: { ...to, foreign: 'legacy' } })).toBe('legacy')
  expect(channelOf({ to: { kind: 'address', address: 'reply:1' } })).toBe('reply:1')
})

test('unparkWhere() takes up all in their order, in batches', async () => {
  const { outbox, waiting } = await parkedOf(Array.from({ length: 450 }, (_, n) => `k${n % 7}`))
  expect(await unparkWhere(outbox, {}, { signal, dryRun: true })).toMatchObject({ looked: 450, done: 450 })
  expect(await waiting()).toEqual([])
  expect(await unparkWhere(outbox, {}, { signal })).toEqual({ looked: 450, done: 450, refused: 0, refusals: [] })
  expect(await waiting()).toEqual(numbered(450))
})

test('unparkWhere() refuses what is behind an older one of its key, of its channel alone, unless it is forced', async () => {
  const { outbox, waiting } = await parkedOf(['a', 'b', 'a', undefined, undefined])
  expect(await unparkWhere(outbox, { id: ['m2', 'm1', 'm4'] }, { signal })).toEqual({
    looked: 5,
    done: 2,
    refused: 1,
    refusals: [{ id: 'm2', why: 'm0, which is older and of the same key, stays parked' }],
  })
  expect(await waiting()).toEqual(['m1', 'm4'])
  expect(await unparkWhere(outbox, { id: ['m2'] }, { signal, force: true })).toMatchObject({ done: 1, refused: 0 })
  expect(await waiting()).toEqual(['m1', 'm4', 'm2'])
})

test('unparkWhere() refuses all behind one that is refused', async () => {
  const { outbox } = await parkedOf(Array.from({ length: 150 }, () => 'a'))
  const { done, refused, refusals } = await unparkWhere(outbox, { id: numbered(150).slice(1) }, { signal })
  expect([done, refused, refusals.length]).toEqual([0, 149, 100])
})

test('unparkWhere() stops at its limit, the oldest first', async () => {
  const { outbox, waiting } = await parkedOf(['a', 'b', 'a', 'b'])
  expect(await unparkWhere(outbox, { key: ['a'] }, { signal, limit: 1 })).toMatchObject({ done: 1 })
  expect(await waiting()).toEqual(['m0'])
})

test('unparkWhere() does not meet again what is parked again meanwhile', async () => {
  const { outbox } = await parkedOf(Array.from({ length: 250 }, () => 'a'))
  const parkingAgain: OutboxTable = {
    ...outbox,
    unpark: async (positions) => {
      const count = await outbox.unpark(positions)
      for (const { position } of await outbox.fetch(LANES, 0n, 1_000)) await outbox.park(position, 'again')
      return count
    },
  }
  expect(await unparkWhere(parkingAgain, {}, { signal })).toMatchObject({ looked: 250, done: 250 })
  expect((await outbox.inspect()).parked).toBe(250)
})

test('unparkWhere() ends when it is told to', async () => {
  const { outbox, waiting } = await parkedOf(Array.from({ length: 450 }, () => 'a'))
  const abort = new AbortController()
  const interrupting: OutboxTable = {
    ...outbox,
    unpark: (positions) => {
      abort.abort(new Error('enough'))
      return outbox.unpark(positions)
    },
  }
  await expect(unparkWhere(interrupting, {}, { signal: abort.signal })).rejects.toSatisfy(
    (error) => isWaybillError(error, 'WAYBILL_ABORTED') && error.message.includes('100 messages were unparked'),
  )
  expect(await waiting()).toEqual(numbered(100))
})
