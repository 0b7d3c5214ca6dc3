import type { ShardClaims } from '../../../transport/ordered/shard-holdings.ts'
import type { StartPosition } from '../../../transport/transport.ts'
import type { LeaseMembers } from './lease-members.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'
import { releaseShard, shardStanding, takeShard, type Taken } from './take-over.ts'

/** Shards by their records in the registry: of several who try to take one, the first to write its record has it. */
export class RecordedClaims implements ShardClaims<ShardOwner, Taken> {
  readonly #members: LeaseMembers
  readonly #parts: ShardParts
  readonly #start: StartPosition | undefined

  constructor(members: LeaseMembers, parts: ShardParts, start: StartPosition | undefined) {
    this.#members = members
    this.#parts = parts
    this.#start = start
  }

  get wanted(): readonly number[] {
    return this.#members.shards
  }

  isOvertaken({ shard, fencing }: ShardOwner): boolean {
    const stands = this.#members.standingOf(shard)
    return stands !== undefined && stands.token > fencing
  }

  isFree(shard: number): boolean {
    const owner = this.#members.standingOf(shard)?.record.owner ?? ''
    return owner === '' || owner === this.#members.self || !this.#members.isMember(owner)
  }

  async take(shard: number): Promise<Taken | undefined> {
    const { context, wire, group } = this.#parts
    const before = await shardStanding(context, wire, group, shard)
    if (before !== undefined) this.#members.stands(shard, before)
    if (!this.isFree(shard)) return undefined
    return await takeShard(context, wire, group, shard, this.#members.self, before)
  }

  own(shard: number, taken: Taken): ShardOwner {
    this.#members.stands(shard, { record: taken.record, revision: taken.revision, token: taken.token })
    return new ShardOwner(shard, taken, this.#parts)
  }

  async giveBack(shard: number, taken: Taken): Promise<void> {
    const { context, wire, group } = this.#parts
    await releaseShard(context, wire, group, shard, taken)
  }

  async release({ shard, progress, taken }: ShardOwner): Promise<void> {
    const { left: _, ...record } = taken.record
    await this.giveBack(shard, { ...taken, record: { ...record, ...progress } })
  }

  async restore(): Promise<void> {
    const { context, group } = this.#parts
    await context.declarer.group(group, this.#start)
  }
}
