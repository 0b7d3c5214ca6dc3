import type { DatabaseSync } from 'node:sqlite'
import type { TransactionalBus } from 'waybill'
import type { Store } from 'waybill/stores'
import { payments } from './till.ts'

/** What a web server calls: the order is there if and only if its charge is on the way. */
export async function checkout(bus: TransactionalBus<DatabaseSync>, store: Store<DatabaseSync>, order: string) {
  await store.transaction(async (tx) => {
    tx.prepare('insert into orders values (?)').run(order)
    await bus.in(tx).send(payments.charge, { order, cents: 1999 })
  })
}
