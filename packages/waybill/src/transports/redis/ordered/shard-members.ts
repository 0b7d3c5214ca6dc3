import { Membership } from '../../../transport/ordered/membership.ts'

/** Who takes which shard, by the list of members that the server gave last. */
export class ShardMembers {
  readonly self: string
  readonly #shards: number
  #membership: Membership

  constructor(self: string, shards: number) {
    this.self = self
    this.#shards = shards
    this.#membership = new Membership(self)
  }

  /** The shards that are this member's. */
  get shards(): readonly number[] {
    return this.#membership.shardsOf(this.#shards)
  }

  are(members: readonly string[]): void {
    this.#membership = new Membership(this.self)
    for (const member of members) this.#membership.add(member)
  }
}
