// Batches of a service with a store: one transaction each.
import type { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import type { Store, StoreSession } from '../../store/store.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { testBus } from '../../testing/test-bus.ts'
import { service } from '../service/service.ts'

const till = contract(
  'till',
  { shards: 2 },
  {
    sold: event(type<{ n: number; receipt: string }>()),
    booked: event(type<number>()),
  },
)
const loose = { rethrow: false } as const
const batch = { size: 4, wait: '10ms' } as const

function booksIn(tx: DatabaseSync): readonly number[] {
  tx.exec('create table if not exists books (n int)')
  return tx
    .prepare('select n from books order by rowid')
    .all()
    .map(({ n }) => Number(n))
}
function book(tx: DatabaseSync, n: number): void {
  booksIn(tx)
  tx.prepare('insert into books values (?)').run(n)
}
const booked = (store: Store<DatabaseSync>): Promise<readonly number[]> =>
  store.transaction((tx) => Promise.resolve(booksIn(tx)))

/** Counts transactions and looks into the inbox. */
function counted(store: Store<DatabaseSync>) {
  const counts = { transactions: 0, looks: 0 }
  const session = (own: StoreSession): StoreSession =>
    new Proxy(own, {
      get: (target, name) => {
        if (name === 'receive') counts.looks++
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  const proxy = new Proxy(store, {
    get: (target, name) => {
      if (name === 'within') return (tx: DatabaseSync) => session(target.within(tx))
      if (name === 'transaction') counts.transactions++
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { store: proxy, counts }
}

test('a batch is one transaction and one look into the inbox, and what comes again is not handled again', async () => {
  const { store, counts } = counted(sqliteStore(':memory:'))
  const sizes: number[] = []
  const books = service('books', { store }).onBatch(
    till.sold,
    async (sold, { tx }) => {
      sizes.push(sold.size)
      for (const item of sold) {
        book(tx, item.body.n)
        await item.publish(till.booked, item.body.n)
      }
    },
    { batch },
  )
  await using bus = await testBus({ services: [books] })
  const before = { ...counts }
  bus.faults.crashBeforeAck(till.sold, 2)
  for (let n = 0; n < 4; n++) await bus.publish(till.sold, { n, receipt: `r${n}` })
  await bus.advance('1s')
  expect(await booked(store)).toEqual([0, 1, 2, 3])
  expect(sizes).toEqual([4])
  expect(await bus.sent(till.booked)).toEqual([0, 1, 2, 3])
  expect(counts.looks - before.looks).toBe(2) // the batch, and the two that came again
  expect(bus.subscription('books', till.sold).duplicates).toBe(2)
})

test('where a message fails, nothing of the batch is kept, and the others are handled without it', async () => {
  const store = sqliteStore(':memory:')
  const rounds: (readonly number[])[] = []
  const books = service('books', { store }).onBatch(
    till.sold,
    async (sold, { tx }) => {
      rounds.push(sold.items.map(({ body }) => body.n))
      for (const item of sold) {
        book(tx, item.body.n)
        await item.publish(till.booked, item.body.n)
        if (item.body.n === 2 && item.attempt === 1) sold.fail(item, new Error('no'))
      }
    },
    { batch },
  )
  await using bus = await testBus({ ...loose, services: [books] })
  for (let n = 0; n < 4; n++) await bus.publish(till.sold, { n, receipt: `r${n}` })
  await bus.advance('1s')
  expect(rounds).toEqual([[0, 1, 2, 3], [0, 1, 3], [2]])
  expect(await booked(store)).toEqual([0, 1, 3, 2])
  expect(await bus.sent(till.booked)).toEqual([0, 1, 3, 2])
  expect(bus.tally(till.sold)).toEqual({ attempts: 5, processed: 4, retried: 1, deadLettered: 0 })
})

test('a handler that throws, and a commit that fails, fail the whole batch and keep nothing', async () => {
  const store = sqliteStore(':memory:')
  let rounds = 0
  const books = service('books', { store }).onBatch(
    till.sold,
    (sold, { tx }) => {
      for (const item of sold) book(tx, item.body.n)
      if (++rounds === 1) throw new Error('all of it')
      if (rounds > 2) return
      tx.exec('create table if not exists parent (id int primary key)')
      tx.exec('create table if not exists child (parent int references parent deferrable initially deferred)')
      tx.exec('insert into child values (7)') // its parent is looked for at the commit
    },
    { batch, retry: { attempts: 3, immediate: 2 } },
  )
  await using bus = await testBus({ ...loose, services: [books] })
  for (let n = 0; n < 4; n++) await bus.publish(till.sold, { n, receipt: `r${n}` })
  await bus.advance('1s')
  expect(rounds).toBe(3)
  expect((await booked(store)).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
  expect(bus.tally(till.sold)).toMatchObject({ processed: 4, retried: 8 })
})

test('two of a batch that are the same are handled once, and fail together', async () => {
  const store = sqliteStore(':memory:')
  const seen: number[] = []
  const books = service('books', { store }).onBatch(
    till.sold,
    (sold) => {
      for (const item of sold) {
        seen.push(item.body.n)
        if (item.attempt === 1 && item.body.n === 0) sold.fail(item, new Error('once'))
      }
    },
    { batch, idempotentBy: ({ receipt }) => receipt },
  )
  await using bus = await testBus({ ...loose, services: [books] })
  for (const [n, receipt] of ['same', 'other', 'same', 'third'].entries()) await bus.publish(till.sold, { n, receipt })
  await bus.advance('1s')
  expect(seen).toEqual([0, 1, 3, 1, 3, 0])
  expect(bus.subscription('books', till.sold).duplicates).toBe(1)
  expect(bus.tally(till.sold)).toMatchObject({ processed: 4, retried: 2 })
})
