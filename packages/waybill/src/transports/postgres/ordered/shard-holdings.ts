import { asError } from '../../../message/as-error.ts'
import { Membership } from '../../../transport/ordered/membership.ts'
import { Looking } from '../looking.ts'
import { membersOf } from '../names.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'

/** How long a shard that goes to another member waits for its handlers. */
const GRACE_MS = 30_000
/** Messages that are counted before they are handed out, after an owner that was gone without a word. */
const LEAST_SUSPECTS = 1_000

interface ShardRow {
  readonly shard: number
  readonly owner: string | null
  readonly token: string
  /** Of the group, whose lease runs. */
  readonly members: readonly string[]
}

export interface HoldingsEvents {
  /** No longer this member's, as it was said to be. */
  revoked(shard: number): void
  /** What it handed out and has not been settled is void. */
  dropped(owner: ShardOwner): void
  failed(error: Error): void
}

/** The shards that one member holds, or is about to, for one time that it is attached: in line with the list of members. */
export class ShardHoldings {
  readonly #parts: ShardParts
  readonly #member: number
  readonly #former: number | undefined
  readonly #events: HoldingsEvents
  readonly #owners = new Map<number, ShardOwner>()
  /** Shards that are being let go. */
  readonly #leaving = new Set<number>()
  readonly #looking: Looking
  #closing = false
  #ended = false

  /** @param former what this member was before: its shards may be taken at once */
  constructor(parts: ShardParts, member: number, former: number | undefined, events: HoldingsEvents) {
    const { runtime, settings } = parts.context
    this.#parts = parts
    this.#member = member
    this.#former = former
    this.#events = events
    const failed = (error: unknown): void => events.failed(asError(error))
    this.#looking = new Looking(runtime, settings.pollMs, () => this.#reconcile(), failed)
  }

  ownerOf(shard: number): ShardOwner | undefined {
    return this.#owners.get(shard)
  }

  /** Somebody came or went, or a shard was let go. */
  changed(): void {
    this.#looking.soon()
  }

  /** There may be messages. */
  look(): void {
    for (const owner of this.#owners.values()) owner.look()
  }

  /** Takes nothing any more, and lets go of all. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    await this.#looking.end()
    await Promise.all([...this.#owners.values()].map((owner) => this.#letGo(owner, deadlineMs)))
  }

  /** The link is gone, or nothing is left to hold: forgets all. */
  end(): void {
    this.#ended = true
    void this.#looking.end()
    for (const owner of this.#owners.values()) this.#drop(owner)
  }

  async #reconcile(): Promise<void> {
    const { wire, groupId, group, context } = this.#parts
    const rows = await wire.control.run<ShardRow>(context.sql.shards, [groupId])
    if (this.#ended) return
    const members = new Membership(String(this.#member))
    for (const each of rows[0]?.members ?? []) members.add(each)
    const wanted = new Set(members.shardsOf(group.channel.shards))
    for (const { shard, owner, token, members: living } of rows) {
      const held = this.#owners.get(shard)
      if (held !== undefined && Number(token) > held.fencing) this.#drop(held)
      else if (held !== undefined && !wanted.has(shard)) void this.#moveOn(held)
      else if (held === undefined && wanted.has(shard)) {
        const isOurs = Number(owner) === this.#member || Number(owner) === this.#former
        if (owner === null || isOurs || !living.includes(owner)) await this.#take(shard)
      }
    }
  }

  async #take(shard: number): Promise<void> {
    if (this.#closing || this.#ended || this.#leaving.has(shard)) return
    const { wire, groupId, context } = this.#parts
    const [row] = await wire.control.run<{ token: string; clean: boolean; at: string }>(context.sql.takeShard, [
      groupId,
      shard,
      this.#member,
      this.#former ?? this.#member,
    ])
    // Another member was quicker, or we are no member any more.
    if (row === undefined || this.#ended || this.#closing) return
    // The former owner's window is not known; ours is as good a guess as any, and then some.
    const suspicion = row.clean ? undefined : { at: Number(row.at), most: Math.max(LEAST_SUSPECTS, 2 * this.#parts.window) } // prettier-ignore
    this.#owners.set(shard, new ShardOwner(shard, Number(row.token), suspicion, this.#parts))
  }

  /** Lets go of a shard that is to be another member's. */
  async #moveOn(owner: ShardOwner): Promise<void> {
    if (this.#leaving.has(owner.shard)) return
    this.#leaving.add(owner.shard)
    try {
      await this.#letGo(owner, GRACE_MS)
    } catch (error) {
      if (!this.#ended) this.#events.failed(asError(error))
    }
    this.#leaving.delete(owner.shard)
    this.#looking.soon()
  }

  async #letGo(owner: ShardOwner, graceMs: number): Promise<void> {
    const { wire, groupId, context } = this.#parts
    await owner.drain(graceMs)
    if (this.#ended || this.#owners.get(owner.shard) !== owner) return
    const isClean = owner.handed === 0
    this.#drop(owner)
    await wire.control.run(context.sql.releaseShard, [groupId, owner.shard, owner.fencing, isClean])
    context.notifier.notify([membersOf(context.settings.schema, groupId)])
  }

  /** Nothing that it does counts any more. */
  #drop(owner: ShardOwner): void {
    const wasAssigned = owner.isAssigned
    owner.end()
    if (this.#owners.get(owner.shard) !== owner) return
    this.#owners.delete(owner.shard)
    this.#events.dropped(owner)
    if (wasAssigned) this.#events.revoked(owner.shard)
  }
}
