import { contract, event, type } from '../../contract/contract.ts'

export const SHARDS = 4
export const GROUP = 'ledger'

/** What a child asks its parent, who answers by the same id whether it was taken. */
export interface Write {
  readonly id: number
  readonly account: number
  readonly n: number
  readonly fencing: number | undefined
}

export const bookings = (name: string) =>
  contract(
    name,
    { shards: SHARDS },
    { booked: event(type<{ account: number; n: number }>(), { key: ({ account }) => String(account) }) },
  )
