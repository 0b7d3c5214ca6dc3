import { asError } from '../../../message/as-error.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { backOffMs } from '../../../transport/back-off.ts'
import type { StartPosition } from '../../../transport/transport.ts'
import type { ShardMembers } from './shard-members.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'
import { releaseShard, takeShard } from './take-over.ts'

/** How long a shard that goes to another member waits for its handlers. */
const GRACE_MS = 30_000
/** A shard that is not to be had yet is looked at again, should nobody tell. */
const LOOK_AGAIN_MS = 1_000

export interface HoldingsEvents {
  /** No longer this member's, as it was said to be. */
  revoked(shard: number): void
  /** It cannot go on as it is, although the link is well; it is being taken again. */
  lost(error: Error): void
  /** It is this member's from now on. */
  assigned(owner: ShardOwner): void
  /** What it handed out and has not been settled is void. */
  dropped(owner: ShardOwner): void
  /** Nobody waits for this. */
  failed(error: Error): void
}

/** The shards that one member holds, or is about to, while one connection lasts: in line with the list of members. */
export class ShardHoldings {
  readonly #members: ShardMembers
  readonly #parts: ShardParts
  readonly #start: StartPosition | undefined
  readonly #events: HoldingsEvents
  readonly #owners = new Map<number, ShardOwner>()
  /** Shards that are being taken or let go, or wait after a failure. */
  readonly #busy = new Set<number>()
  readonly #failures = new Map<number, number>()
  #looking: Timer | undefined
  #closing = false
  #ended = false

  constructor(members: ShardMembers, parts: ShardParts, start: StartPosition | undefined, events: HoldingsEvents) {
    this.#members = members
    this.#parts = parts
    this.#start = start
    this.#events = events
  }

  ownerOf(shard: number): ShardOwner | undefined {
    return this.#owners.get(shard)
  }

  /** Of the shards that had failed, none is left. */
  get isWhole(): boolean {
    return this.#failures.size === 0
  }

  /** @returns whether it had failed before */
  mended(shard: number): boolean {
    return this.#failures.delete(shard)
  }

  /** Brings the shards held here in line with the members of now. */
  reconcile(): void {
    if (this.#ended || this.#closing) return
    const wanted = new Set(this.#members.shards)
    for (const owner of this.#owners.values()) if (!wanted.has(owner.shard)) void this.#moveOn(owner)
    for (const shard of wanted) if (!this.#owners.has(shard) && !this.#busy.has(shard)) void this.#take(shard)
  }

  get owners(): Iterable<ShardOwner> {
    return this.#owners.values()
  }

  /** The shard is another's by now. */
  fenced(owner: ShardOwner): void {
    this.#drop(owner)
    this.#lookAgain()
  }

  /** The owner cannot go on. */
  failed(owner: ShardOwner, error: Error): void {
    if (this.#ended || this.#owners.get(owner.shard) !== owner || this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    this.#events.lost(error)
    void this.#takeAgain(owner)
  }

  /** Takes nothing any more, and lets go of all. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true
    await Promise.all([...this.#owners.values()].map((owner) => this.#letGo(owner, deadlineMs)))
  }

  /** The link is gone, or nothing is left to hold: forgets all. */
  end(): void {
    this.#ended = true
    this.#looking?.cancel()
    for (const owner of this.#owners.values()) this.#drop(owner)
  }

  /** Takes the shard where nobody has it who lives. */
  async #take(shard: number): Promise<void> {
    this.#busy.add(shard)
    try {
      await this.#takeFree(shard)
    } catch (error) {
      if (this.#ended) return
      this.#events.failed(asError(error))
      this.#failures.set(shard, (this.#failures.get(shard) ?? 0) + 1)
    }
    if (this.#ended) return
    this.#busy.delete(shard)
    if (!this.#owners.has(shard)) this.#lookAgain()
    // It may have become another's meanwhile.
    else this.reconcile()
  }

  async #takeFree(shard: number): Promise<void> {
    const { context, connection, group } = this.#parts
    const taken = await takeShard(connection, context.names, group, shard, this.#members.self)
    if (taken === undefined || this.#ended) return
    if (this.#closing) return await releaseShard(connection, context.names, group, shard, taken.token)
    const owner = new ShardOwner(shard, taken, this.#parts)
    this.#owners.set(shard, owner)
    this.#events.assigned(owner)
  }

  #lookAgain(): void {
    if (this.#looking !== undefined) return
    const { runtime } = this.#parts.context
    const failures = Math.max(0, ...this.#failures.values())
    const waitMs = failures === 0 ? LOOK_AGAIN_MS : backOffMs(failures, runtime)
    this.#looking = runtime.setTimer(waitMs, () => {
      this.#looking = undefined
      this.reconcile()
    })
  }

  /** Lets go of a shard that is to be another member's. */
  async #moveOn(owner: ShardOwner): Promise<void> {
    if (this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    await this.#letGo(owner, GRACE_MS).catch((error: unknown) => this.#events.failed(asError(error)))
    if (this.#ended) return
    this.#busy.delete(owner.shard)
    this.reconcile()
  }

  async #takeAgain(owner: ShardOwner): Promise<void> {
    const { context, group, deadlines } = this.#parts
    const failures = this.#failures.get(owner.shard) ?? 0
    this.#failures.set(owner.shard, failures + 1)
    try {
      await this.#letGo(owner, GRACE_MS)
      // What was deleted is made again; what is there is left.
      await context.declarer.group(group, this.#start)
    } catch (error) {
      this.#events.failed(asError(error))
    }
    deadlines.add(backOffMs(failures, context.runtime), () => {
      if (this.#ended) return
      this.#busy.delete(owner.shard)
      this.reconcile()
    })
  }

  async #letGo(owner: ShardOwner, graceMs: number): Promise<void> {
    const { context, connection, group } = this.#parts
    await owner.drain(graceMs)
    if (this.#ended || this.#owners.get(owner.shard) !== owner) return
    this.#drop(owner)
    await releaseShard(connection, context.names, group, owner.shard, owner.token)
  }

  /** Nothing that it does counts any more. */
  #drop(owner: ShardOwner): void {
    owner.end()
    if (this.#owners.get(owner.shard) !== owner) return
    this.#owners.delete(owner.shard)
    this.#events.dropped(owner)
    this.#events.revoked(owner.shard)
  }
}
