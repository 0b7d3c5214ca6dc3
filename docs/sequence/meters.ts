import type { DatabaseSync } from 'node:sqlite'
import { contract, event, service, type } from 'waybill'
import type { Store } from 'waybill/stores'

export const meters = contract(
  'meters',
  { shards: 8 },
  { read: event(type<{ meter: string; value: number }>(), { key: ({ meter }) => meter, sequence: true }) },
)

/** Keeps what it received, and notices what it did not. */
export function archive(store: Store<DatabaseSync>, missed: (meter: string, count: number) => void) {
  return service('archive', { store }).on(
    meters.read,
    ({ meter, value }, ctx) => {
      if ((ctx.sequence?.missing ?? 0) > 0) missed(meter, ctx.sequence?.missing ?? 0)
      ctx.tx.prepare('insert into readings values (?, ?)').run(meter, value)
    },
    { ordered: true, retry: { attempts: 1 } },
  )
}
