import type { OutboxTable, Store } from '../../packages/waybill/src/store/store.ts'
import type { CrashPoint } from './crash-point.ts'

/** A store that passes the boundaries of a transaction and of the relay. */
export function crashingStore<Tx>(inner: Store<Tx>, crash: CrashPoint): Store<Tx> {
  const outbox: OutboxTable = {
    claimLanes: (owner, most, leaseMs) => inner.outbox.claimLanes(owner, most, leaseMs),
    countOwners: () => inner.outbox.countOwners(),
    releaseLanes: (owner) => inner.outbox.releaseLanes(owner),
    fetch: (lanes, after, limit) => inner.outbox.fetch(lanes, after, limit),
    remove: async (positions) => {
      crash.at('before-remove')
      await inner.outbox.remove(positions)
      crash.at('after-remove')
    },
    noteRefusal: (position, error) => inner.outbox.noteRefusal(position, error),
    park: (position, error) => inner.outbox.park(position, error),
    moveDue: (limit) => inner.outbox.moveDue(limit),
    inspect: () => inner.outbox.inspect(),
    parked: (limit) => inner.outbox.parked(limit),
    unpark: (positions) => inner.outbox.unpark(positions),
    operations: inner.outbox.operations,
    get onCommit() {
      return inner.outbox.onCommit
    },
  }
  return {
    name: inner.name,
    inboxRetentionMs: inner.inboxRetentionMs,
    open: (runtime, signal) => inner.open(runtime, signal),
    transaction: async (work) => {
      const result = await inner.transaction(async (tx) => {
        const done = await work(tx)
        crash.at('before-commit')
        return done
      })
      crash.at('after-commit')
      return result
    },
    within: (tx) => inner.within(tx),
    outbox,
    forgetReceived: (limit) => inner.forgetReceived(limit),
    close: () => inner.close(),
  }
}
