// Relays and inboxes that break a promise. Each must be found by the checker: so it is known to look.
import type { OutboxRow, Store, StoreSession } from '../../packages/waybill/src/store/store.ts'
import type { Transport } from '../../packages/waybill/src/transport/transport.ts'
import type { Boundary } from './boundaries.ts'

export type MutantName =
  'acknowledge before commit' | 'publish before commit' | 'commit without inbox' | 'relay out of order'

export interface Mutant {
  /** Where it is killed, so that it shows; not at all where it shows by itself. */
  readonly boundaries: readonly Boundary[]
  readonly mutate: <Tx>(store: Store<Tx>, transport: () => Transport | undefined) => Store<Tx>
}

/** So long the commit is late of which the handler was told that it is done. */
const LATE_MS = 50
/** So many looks of the relay do not see a row. */
const LOOKS_TOO_LATE = 5

export const MUTANTS: Readonly<Record<MutantName, Mutant>> = {
  'acknowledge before commit': {
    boundaries: ['after-acknowledge', 'after-acknowledge', 'after-acknowledge'],
    mutate: (store) => ({
      ...store,
      transaction: (work) =>
        new Promise((resolve, reject) => {
          store
            .transaction(async (tx) => {
              const result = await work(tx)
              resolve(result)
              await new Promise((later) => setTimeout(later, LATE_MS))
              return result
            })
            .catch(reject)
        }),
    }),
  },
  'publish before commit': {
    boundaries: ['before-commit', 'before-commit', 'before-commit'],
    mutate: (store, transport) => ({
      ...store,
      within: (tx) => ({
        ...sessionOf(store.within(tx)),
        enqueue: async (rows) => void (await transport()?.send(rows)),
      }),
    }),
  },
  'commit without inbox': {
    boundaries: ['after-commit', 'before-acknowledge'],
    mutate: (store) => ({
      ...store,
      within: (tx) => ({ ...sessionOf(store.within(tx)), receive: () => Promise.resolve(new Set<string>()) }),
    }),
  },
  'relay out of order': {
    boundaries: [],
    mutate: (store) => {
      const overlooked = new Map<bigint, number>()
      return {
        ...store,
        outbox: {
          ...store.outbox,
          fetch: async (lanes, after, limit) =>
            (await store.outbox.fetch(lanes, after, limit)).filter((row) => !isOverlooked(row, overlooked)),
        },
      }
    },
  },
}

/** Its methods as own properties, so that they can be spread. */
function sessionOf(session: StoreSession): StoreSession {
  return {
    receive: (group, keys) => session.receive(group, keys),
    enqueue: (rows) => session.enqueue(rows),
    cancel: (ids) => session.cancel(ids),
    nextSequence: (counter, count) => session.nextSequence(counter, count),
    observeSequence: (counter, sequence) => session.observeSequence(counter, sequence),
  }
}

/** Every third row is shown late: those behind it go first. */
function isOverlooked({ position }: OutboxRow, overlooked: Map<bigint, number>): boolean {
  if (position % 3n !== 0n) return false
  const looks = (overlooked.get(position) ?? 0) + 1
  overlooked.set(position, looks)
  return looks <= LOOKS_TOO_LATE
}
