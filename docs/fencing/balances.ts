import type { DatabaseSync } from 'node:sqlite'
import { contract, event, service, type } from 'waybill'

export const payments = contract(
  'payments',
  { shards: 12 },
  { booked: event(type<{ account: string; balance: number }>(), { key: (booking) => booking.account }) },
)

/** Keeps balances in a table `balances (account text primary key, balance int, fencing int)`. */
export function ledger(database: DatabaseSync) {
  return service('ledger').on(
    payments.booked,
    ({ account, balance }, ctx) => {
      // Not older than who wrote last: a former owner of the account's shard changes nothing.
      const { changes } = database
        .prepare(
          `insert into balances values (?, ?, ?) on conflict (account) do update
           set balance = excluded.balance, fencing = excluded.fencing where excluded.fencing >= balances.fencing`,
        )
        .run(account, balance, ctx.fencing ?? 0)
      if (changes === 0) throw new Error(`another member owns the shard of account ${account} by now`)
    },
    { ordered: true },
  )
}
