// A service that books batches in SQLite and dies in the middle of them: `child <folder> <messages>` sends so many, and
// `child <folder>` handles them.
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { contract, document, type } from '../../contract/contract.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { embedded } from '../../transports/embedded/embedded.ts'
import { createBus } from '../create-bus.ts'
import { service } from '../service/service.ts'

const [, , dir = '', count] = process.argv
const work = contract('work', { sale: document(type<{ n: number }>()) })
const store = sqliteStore(join(dir, 'books.db'))
let batches = 0
function booked(tx: DatabaseSync): number {
  tx.exec('create table if not exists books (n int)')
  const [row] = tx.prepare('select count(*) as booked from books').all()
  return Number(row?.['booked'])
}
const books = service('books', { store }).onBatch(
  work.sale,
  async (batch, { tx }) => {
    booked(tx)
    for (const { body } of batch) tx.prepare('insert into books values (?)').run(body.n)
    // Once before the commit, and once while it, or the acknowledgements after it, are on their way.
    if (++batches === 3) process.kill(process.pid, 'SIGKILL')
    if (batches === 2) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3 * Math.random())
    const total = booked(tx)
    await Promise.resolve()
    console.log(`booked ${total}`)
  },
  { batch: { size: 10, wait: '20ms' } },
)
const bus = await createBus({
  transport: embedded({ dir: join(dir, 'broker') }),
  ...(count === undefined ? { services: [books] } : { declare: [work.sale] }),
  // Deaths count as deliveries, and here nobody is to blame.
  maxDeliveries: 1_000,
  logger: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error },
})
if (count !== undefined) {
  await Promise.all(Array.from({ length: Number(count) }, (_, n) => bus.send(work.sale, { n })))
  await bus.drain()
} else console.log(`booked ${await store.transaction((tx) => Promise.resolve(booked(tx)))}`) // perhaps all of it, by an earlier life
