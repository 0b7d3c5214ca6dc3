import { contract, event, type Bus, type ReadEvent } from 'waybill'
import { z } from 'zod'

const booking = z.object({ account: z.string(), cents: z.number().int() })
export const ledger = contract(
  'ledger',
  { shards: 4, retention: '30d' }, // kept to be read again, whether they were handled or not
  { booked: event(booking, { key: ({ account }) => account }) },
)

/** What is known so far, and how far that is: kept together, it can go on where it was. */
export interface Balances {
  readonly cents: Map<string, number>
  readonly positions: Record<number, string>
}

/** Reads everything that was ever booked, or what came since `known`, and goes on until `signal` aborts. */
export async function follow(bus: Bus, known: Balances, signal: AbortSignal, seen: (balances: Balances) => void) {
  const start = Object.keys(known.positions).length === 0 ? 'earliest' : { positions: known.positions }
  for await (const read of bus.read(ledger.booked, { start, signal })) {
    apply(known, read)
    seen(known)
  }
}

function apply({ cents, positions }: Balances, { body, shard, position }: ReadEvent<typeof ledger.booked>) {
  cents.set(body.account, (cents.get(body.account) ?? 0) + body.cents)
  if (position !== undefined) positions[shard] = position
}
