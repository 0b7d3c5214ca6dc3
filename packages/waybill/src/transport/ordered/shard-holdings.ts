import { asError } from '../../message/as-error.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../back-off.ts'

/** How long a shard that goes to another member waits for its handlers. */
const GRACE_MS = 30_000
/** A shard that is not to be had yet is looked at again, should nobody tell. */
const LOOK_AGAIN_MS = 1_000

/** One shard that a member holds. */
export interface HeldShard {
  readonly shard: number
  /** It hands out, and has said so. */
  readonly isAssigned: boolean
  /** Hands out no more, waits up to `graceMs` for what the application has, and until the server has heard of that. */
  drain(graceMs: number): Promise<void>
  /** Nothing that it does counts any more. */
  end(): void
}

/** What the engine does for its members, while one connection lasts. */
export interface ShardClaims<Owner, Taken> {
  /** The shards that are this member's, by the list of members of now. */
  readonly wanted: readonly number[]
  /** Another member has taken it meanwhile. */
  isOvertaken(owner: Owner): boolean
  /** Nobody has it, or this member itself from before, or somebody who is gone; as far as is known without asking. */
  isFree(shard: number): boolean
  /** `undefined`: somebody else was quicker. */
  take(shard: number): Promise<Taken | undefined>
  own(shard: number, taken: Taken): Owner
  /** What was taken, and will not be owned. */
  giveBack(shard: number, taken: Taken): Promise<void>
  /** As its next owner should find it. */
  release(owner: Owner): Promise<void>
  /** What was deleted is made again; what is there is left. */
  restore(): Promise<void>
}

export interface HoldingsEvents<Owner> {
  /** It is this member's from now on. */
  taken(owner: Owner): void
  /** No longer this member's, as it was said to be. */
  revoked(shard: number): void
  /** It cannot go on as it is, although the link is well; it is being taken again. */
  lost(error: Error): void
  /** What it handed out and has not been settled is void. */
  dropped(owner: Owner): void
  /** Nobody waits for this. */
  failed(error: Error): void
}

/** The shards that one member holds, or is about to, while one connection lasts: in line with the list of members. */
export class ShardHoldings<Owner extends HeldShard, Taken> {
  readonly #claims: ShardClaims<Owner, Taken>
  readonly #runtime: Runtime
  readonly #deadlines: Deadlines
  readonly #events: HoldingsEvents<Owner>
  readonly #owners = new Map<number, Owner>()
  /** Shards that are being taken or let go, or wait after a failure. */
  readonly #busy = new Set<number>()
  readonly #failures = new Map<number, number>()
  #looking: Timer | undefined
  #closing = false
  #ended = false

  constructor(
    claims: ShardClaims<Owner, Taken>,
    runtime: Runtime,
    deadlines: Deadlines,
    events: HoldingsEvents<Owner>,
  ) {
    this.#claims = claims
    this.#runtime = runtime
    this.#deadlines = deadlines
    this.#events = events
  }

  ownerOf(shard: number): Owner | undefined {
    return this.#owners.get(shard)
  }

  get owners(): Iterable<Owner> {
    return this.#owners.values()
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
    const wanted = new Set(this.#claims.wanted)
    for (const owner of this.#owners.values())
      if (this.#claims.isOvertaken(owner)) this.#drop(owner)
      else if (!wanted.has(owner.shard)) void this.#moveOn(owner)
    for (const shard of wanted) if (!this.#owners.has(shard) && !this.#busy.has(shard)) void this.#take(shard)
  }

  /** The shard is another's by now. */
  fenced(owner: Owner): void {
    this.#drop(owner)
    this.#lookAgain()
  }

  /** The owner cannot go on. */
  failed(owner: Owner, error: Error): void {
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

  async #take(shard: number): Promise<void> {
    if (!this.#claims.isFree(shard)) return this.#lookAgain()
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
    const taken = await this.#claims.take(shard)
    if (taken === undefined || this.#ended) return
    if (this.#closing) return await this.#claims.giveBack(shard, taken)
    const owner = this.#claims.own(shard, taken)
    this.#owners.set(shard, owner)
    this.#events.taken(owner)
  }

  #lookAgain(): void {
    if (this.#looking !== undefined) return
    const failures = Math.max(0, ...this.#failures.values())
    const waitMs = failures === 0 ? LOOK_AGAIN_MS : backOffMs(failures, this.#runtime)
    this.#looking = this.#runtime.setTimer(waitMs, () => {
      this.#looking = undefined
      this.reconcile()
    })
  }

  /** Lets go of a shard that is to be another member's. */
  async #moveOn(owner: Owner): Promise<void> {
    if (this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    await this.#letGo(owner, GRACE_MS).catch((error: unknown) => this.#events.failed(asError(error)))
    if (this.#ended) return
    this.#busy.delete(owner.shard)
    this.reconcile()
  }

  async #takeAgain(owner: Owner): Promise<void> {
    const failures = this.#failures.get(owner.shard) ?? 0
    this.#failures.set(owner.shard, failures + 1)
    try {
      await this.#letGo(owner, GRACE_MS)
      await this.#claims.restore()
    } catch (error) {
      this.#events.failed(asError(error))
    }
    this.#deadlines.add(backOffMs(failures, this.#runtime), () => {
      if (this.#ended) return
      this.#busy.delete(owner.shard)
      this.reconcile()
    })
  }

  async #letGo(owner: Owner, graceMs: number): Promise<void> {
    await owner.drain(graceMs)
    if (this.#ended || this.#owners.get(owner.shard) !== owner) return
    this.#drop(owner)
    await this.#claims.release(owner)
  }

  #drop(owner: Owner): void {
    const wasAssigned = owner.isAssigned
    owner.end()
    if (this.#owners.get(owner.shard) !== owner) return
    this.#owners.delete(owner.shard)
    this.#events.dropped(owner)
    if (wasAssigned) this.#events.revoked(owner.shard)
  }
}
