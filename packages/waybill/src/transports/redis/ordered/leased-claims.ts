import type { ShardClaims } from '../../../transport/ordered/shard-holdings.ts'
import type { StartPosition } from '../../../transport/transport.ts'
import type { ShardMembers } from './shard-members.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'
import { releaseShard, takeShard, type Taken } from './take-over.ts'

/** Shards by the leases of members, which the server compares in its script: who asks is told whether it was to be had. */
export class LeasedClaims implements ShardClaims<ShardOwner, Taken> {
  readonly #members: ShardMembers
  readonly #parts: ShardParts
  readonly #start: StartPosition | undefined

  constructor(members: ShardMembers, parts: ShardParts, start: StartPosition | undefined) {
    this.#members = members
    this.#parts = parts
    this.#start = start
  }

  get wanted(): readonly number[] {
    return this.#members.shards
  }

  /** Every answer of the server says so by itself. */
  isOvertaken(): boolean {
    return false
  }

  isFree(): boolean {
    return true
  }

  async take(shard: number): Promise<Taken | undefined> {
    const { context, connection, group } = this.#parts
    return await takeShard(connection, context.names, group, shard, this.#members.self)
  }

  own(shard: number, taken: Taken): ShardOwner {
    return new ShardOwner(shard, taken, this.#parts)
  }

  async giveBack(shard: number, { token }: Taken): Promise<void> {
    await this.#release(shard, token)
  }

  async release({ shard, fencing }: ShardOwner): Promise<void> {
    await this.#release(shard, fencing)
  }

  async restore(): Promise<void> {
    const { context, group } = this.#parts
    await context.declarer.group(group, this.#start)
  }

  async #release(shard: number, token: number): Promise<void> {
    const { context, connection, group } = this.#parts
    await releaseShard(connection, context.names, group, shard, token)
  }
}
