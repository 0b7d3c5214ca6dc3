import { Deadlines } from '../../../runtime/deadlines.ts'
import { backOffMs } from '../../../transport/back-off.ts'
import type { Group } from '../../../transport/transport.ts'
import type { Attachment } from '../attachment.ts'
import type { AmqpConsumer } from '../engine.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import type { GroupTopology } from '../topology.ts'
import { GroupMembers } from './group-members.ts'
import type { HandOut } from '../../../transport/ordered/hand-out.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardOwner } from './shard-owner.ts'

/** How long a shard that goes to another member waits for its handlers. */
const GRACE_MS = 30_000

export type ShardEvent =
  | { readonly type: 'shard-assigned' | 'shard-revoked'; readonly shard: number }
  | { readonly type: 'subscription-lost'; readonly error: Error }
  | { readonly type: 'subscription-restored' }

export interface HoldingsParts {
  readonly context: SubscriptionContext
  readonly group: Group
  readonly topology: GroupTopology
  /** Most deliveries of one shard in this process. */
  readonly window: number
  readonly handOut: HandOut<ShardItem>
  readonly attachment: Attachment
  readonly emit: (event: ShardEvent) => void
  readonly report: (error: unknown) => void
  /** This member is out of the group, and the link is well. */
  readonly failed: (error: Error) => void
}

/**
 * One stay in an ordered group, from joining until leaving, or until the link or the membership is lost: which shards this
 * member holds.
 *
 *   wanted --take--> held --another member's--> let go
 *                    held --failure--> let go, declared again, wanted again
 */
export class ShardHoldings {
  readonly #parts: HoldingsParts
  readonly #members: GroupMembers
  readonly #deadlines: Deadlines
  readonly #owners = new Map<number, ShardOwner>()
  /** Shards that are being let go, or wait after a failure. */
  readonly #busy = new Set<number>()
  readonly #failures = new Map<number, number>()
  /** Known once the link is up. */
  #renewEveryMs = Infinity
  #isLeaving = false
  #ended = false

  constructor(parts: HoldingsParts) {
    this.#parts = parts
    const { context, group, failed } = parts
    this.#members = new GroupMembers(group, context, {
      changed: () => void this.reconcile(),
      released: (shard) => this.#owners.get(shard)?.probe(),
      tick: () => this.#tick(),
      failed: (error) => {
        if (!this.#ended) failed(error)
      },
    })
    this.#deadlines = new Deadlines(context.runtime)
  }

  /** No shard waits after a failure. */
  get isWell(): boolean {
    return this.#failures.size === 0
  }

  /** Messages here that nobody has settled. */
  get messages(): number {
    return [...this.#owners.values()].reduce((sum, owner) => sum + owner.held, 0)
  }

  ownerOf(shard: number): ShardOwner | undefined {
    return this.#owners.get(shard)
  }

  /** Resolves when the other members have been told. */
  async join(): Promise<void> {
    const { limits } = this.#parts.context.engine.routeFacts('durable', false)
    this.#renewEveryMs = limits.settleWithinMs.value / 4
    await this.#members.join()
  }

  /** Brings the shards held here in line with the members of now. */
  async reconcile(): Promise<void> {
    if (this.#isLeaving || this.#ended) return
    const wanted = new Set(this.#members.shards)
    for (const shard of this.#failures.keys()) if (!wanted.has(shard)) this.#recovered(shard)
    for (const owner of this.#owners.values()) {
      if (!wanted.has(owner.shard)) void this.#moveOn(owner)
      else owner.probe()
    }
    const missing = [...wanted].filter((shard) => !this.#owners.has(shard) && !this.#busy.has(shard))
    await Promise.all(missing.map((shard) => this.#take(shard)))
  }

  /** Fails where the broker has lost a consumer. */
  async check(): Promise<void> {
    if (!this.#isLeaving) await this.#members.check()
    if (this.#ended || this.#isLeaving) return
    await Promise.all([...this.#owners.values()].map((owner) => owner.check()))
  }

  /** Whether the broker counts all its consumers. Rejects while the link is down. */
  async isCounted(): Promise<boolean> {
    const parts = [this.#members, ...this.#owners.values()]
    const counted = await Promise.all(parts.map((part) => part.isCounted()))
    return !counted.includes(false)
  }

  /** Lets go of every shard; its handlers have until `deadlineMs`. */
  async leave(deadlineMs: number): Promise<void> {
    this.#isLeaving = true
    await this.#members.leave()
    await Promise.all([...this.#owners.values()].map((owner) => this.#letGo(owner, deadlineMs)))
  }

  /**
   * Everything is void.
   *
   * @returns the consumers of its shards: to be closed, unless they are gone with the link
   */
  end(): readonly AmqpConsumer[] {
    this.#ended = true
    const left: AmqpConsumer[] = []
    this.#parts.attachment.end()
    this.#members.end()
    this.#deadlines.clear()
    for (const owner of this.#owners.values()) {
      if (owner.isAssigned) this.#parts.emit({ type: 'shard-revoked', shard: owner.shard })
      left.push(...owner.end())
    }
    this.#owners.clear()
    this.#busy.clear()
    this.#failures.clear()
    this.#parts.handOut.clear()
    return left
  }

  /** Closes the consumer by which the members hear of each other. */
  close(): Promise<void> {
    return this.#members.close()
  }

  async #take(shard: number): Promise<void> {
    const owner = this.#newOwner(shard)
    this.#owners.set(shard, owner)
    this.#members.watch()
    await owner.start()
  }

  #newOwner(shard: number): ShardOwner {
    const { context, group, topology, window, handOut } = this.#parts
    return new ShardOwner(shard, {
      context,
      group,
      topology,
      deadlines: this.#deadlines,
      window,
      renewEveryMs: this.#renewEveryMs,
      handOut: (delivery) => handOut.add(delivery),
      assigned: (owner) => this.#assigned(owner),
      failed: (owner, error) => this.#failed(owner, error),
    })
  }

  /** Lets go of a shard that is another member's now. */
  async #moveOn(owner: ShardOwner): Promise<void> {
    if (this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    await this.#letGo(owner, GRACE_MS)
    if (this.#ended) return
    this.#busy.delete(owner.shard)
    await this.reconcile()
  }

  async #letGo(owner: ShardOwner, graceMs: number): Promise<void> {
    const { handOut, emit, report } = this.#parts
    const wasAssigned = owner.isAssigned
    handOut.withdraw(owner)
    try {
      await owner.release(graceMs)
    } catch (error) {
      report(error)
    }
    if (this.#ended || this.#owners.get(owner.shard) !== owner) return
    this.#owners.delete(owner.shard)
    handOut.drop(owner)
    if (!wasAssigned) return
    emit({ type: 'shard-revoked', shard: owner.shard })
    await this.#members.released(owner.shard)
  }

  #failed(owner: ShardOwner, error: Error): void {
    if (this.#owners.get(owner.shard) !== owner || this.#busy.has(owner.shard)) return
    const earlier = this.#failures.get(owner.shard) ?? 0
    this.#busy.add(owner.shard)
    this.#failures.set(owner.shard, earlier + 1)
    this.#parts.attachment.end()
    this.#parts.emit({ type: 'subscription-lost', error })
    void this.#takeAgain(owner, earlier)
  }

  async #takeAgain(owner: ShardOwner, earlierFailures: number): Promise<void> {
    await this.#letGo(owner, GRACE_MS)
    if (this.#ended) return
    const waitMs = backOffMs(earlierFailures, this.#parts.context.runtime)
    this.#deadlines.add(waitMs, () => void this.#again(owner.shard))
  }

  async #again(shard: number): Promise<void> {
    const { context, topology, report } = this.#parts
    try {
      await context.declarer.declare(topology)
    } catch (error) {
      // Consuming fails as well then, and comes back here later.
      report(error)
    }
    this.#busy.delete(shard)
    await this.reconcile()
  }

  #assigned(owner: ShardOwner): void {
    this.#parts.emit({ type: 'shard-assigned', shard: owner.shard })
    this.#recovered(owner.shard)
  }

  /** The shard is well again, or another member's. */
  #recovered(shard: number): void {
    if (!this.#failures.delete(shard) || !this.isWell) return
    this.#parts.attachment.begin()
    this.#parts.emit({ type: 'subscription-restored' })
  }

  /** While a shard has not come, asks for it again: what should have told us may have been lost. */
  #tick(): void {
    for (const owner of this.#owners.values()) {
      if (owner.isAssigned) continue
      owner.probe()
      this.#members.watch()
    }
  }
}
