import { WaybillError } from '../../../message/errors.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import type {
  Delivery,
  Settlement,
  Subscription,
  SubscriptionSnapshot,
  SubscriptionSpec,
} from '../../../transport/transport.ts'
import { backOffMs } from '../../../transport/back-off.ts'
import { Attachment } from '../attachment.ts'
import type { LinkedSubscription, SubscriptionContext } from '../subscription-context.ts'
import type { AmqpConsumer } from '../engine.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { GroupTopology } from '../topology.ts'
import { GroupMembers } from './group-members.ts'
import { HandOut } from './hand-out.ts'
import { OrderedDelivery } from './ordered-delivery.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'

/** How long a shard that goes to another member waits for its handlers. */
const GRACE_MS = 30_000
/**
 * Deliveries of one shard in this process at the least, however small the prefetch: the messages of one key wait for each
 * other here, and must not hide those of other keys.
 */
const MIN_WINDOW = 32
/**
 * The same for every member, where what returns to the queue lies behind what returned before: then an owner takes all that
 * those before it held, and whatever it leaves goes back in one order. With windows of different sizes a small one would leave
 * its messages behind those that a larger one had held.
 */
const SHARED_WINDOW = 256

/**
 * A member of an ordered group: takes its part of the shards, and hands out what their gates let through, at most
 * `prefetch` at a time over all of them.
 */
export class OrderedSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #topology: GroupTopology
  readonly #handOut: HandOut
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #attachment: Attachment
  readonly #owners = new Map<number, ShardOwner>()
  /** Shards that are being let go, or wait after a failure. */
  readonly #busy = new Set<number>()
  readonly #failures = new Map<number, number>()
  #parts: ShardParts
  #members: GroupMembers
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    topology: GroupTopology,
    context: SubscriptionContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#topology = topology
    this.#handOut = new HandOut(spec.prefetch, context.runtime, receive)
    this.#onClosed = onClosed
    this.#attachment = new Attachment(spec.group, context.runtime)
    this.#parts = this.#newParts()
    this.#members = this.#newMembers()
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  /** Resolves when this member stands in line for its shards. */
  async start(): Promise<void> {
    this.#end()
    this.#parts = this.#newParts()
    const members = (this.#members = this.#newMembers())
    await this.#context.declarer.declare(this.#topology)
    await members.join()
    if (members !== this.#members) throw this.#lost()
    await this.#reconcile()
    if (members === this.#members && this.#failures.size === 0) this.#attachment.begin()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof OrderedDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || this.#owners.get(delivery.shard) !== delivery.owner) continue
      delivery.settled = true
      this.#handOut.settled(delivery.owner)
      delivery.owner.settle(delivery, settlement)
    }
    this.#handOut.resume()
  }

  flow(prefetch: number): void {
    this.#handOut.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#lose(error)
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  async check(): Promise<void> {
    const members = this.#members
    if (this.#closing === undefined) await members.check()
    if (members !== this.#members || this.#closing !== undefined) return
    await Promise.all([...this.#owners.values()].map((owner) => owner.check()))
  }

  async inspect(depth: number | undefined): Promise<SubscriptionSnapshot> {
    const parts = [this.#members, ...this.#owners.values()]
    const counted = await Promise.all(parts.map((part) => part.isCounted()))
    // The broker counts what is ready: a window of what it has delivered waits here.
    const held = [...this.#owners.values()].reduce((sum, owner) => sum + owner.held, 0)
    return this.#attachment.snapshot(!counted.includes(false), depth === undefined ? undefined : depth + held)
  }

  get detached(): SubscriptionSnapshot {
    return this.#attachment.snapshot(false)
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    this.#handOut.end()
    const members = this.#members
    await members.leave()
    await Promise.all([...this.#owners.values()].map((owner) => this.#letGo(owner, deadlineMs)))
    this.#end()
    await members.close()
    this.#onClosed()
  }

  /** @returns consumers that are gone with the link, where that is what was lost */
  #lose(error: Error): readonly AmqpConsumer[] {
    this.#takeUp.linkDown()
    const left = this.#end()
    this.#members = this.#newMembers()
    this.#emit({ type: 'subscription-lost', error })
    return left
  }

  /** The link is well and this member is out of the group: lets go of what it still holds, and joins again. */
  async #rejoin(members: GroupMembers, error: Error): Promise<void> {
    const release = this.#context.runtime.hold('joining a group again')
    const left = this.#lose(error)
    const goodbyes = await Promise.allSettled([...left, members].map((each) => each.close()))
    release()
    for (const each of goodbyes) if (each.status === 'rejected') this.#report(each.reason)
    this.#takeUp.begin()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): readonly AmqpConsumer[] {
    const left: AmqpConsumer[] = []
    this.#attachment.end()
    this.#members.end()
    this.#parts.deadlines.clear()
    for (const owner of this.#owners.values()) {
      if (owner.isAssigned) this.#emit({ type: 'shard-revoked', shard: owner.shard })
      left.push(...owner.end())
    }
    this.#owners.clear()
    this.#busy.clear()
    this.#failures.clear()
    this.#handOut.clear()
    return left
  }

  /** Brings the shards held here in line with the members of now. */
  async #reconcile(): Promise<void> {
    if (this.#closing !== undefined) return
    const members = this.#members
    const wanted = new Set(members.shards)
    for (const shard of this.#failures.keys()) if (!wanted.has(shard)) this.#recovered(shard)
    for (const owner of this.#owners.values()) {
      if (!wanted.has(owner.shard)) void this.#moveOn(owner)
      else owner.probe()
    }
    const missing = [...wanted].filter((shard) => !this.#owners.has(shard) && !this.#busy.has(shard))
    await Promise.all(missing.map((shard) => this.#take(shard, members)))
  }

  async #take(shard: number, members: GroupMembers): Promise<void> {
    const owner = new ShardOwner(shard, this.#parts)
    this.#owners.set(shard, owner)
    members.watch()
    await owner.start()
  }

  /** Lets go of a shard that is another member's now. */
  async #moveOn(owner: ShardOwner): Promise<void> {
    if (this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    const members = this.#members
    await this.#letGo(owner, GRACE_MS)
    if (members !== this.#members) return
    this.#busy.delete(owner.shard)
    await this.#reconcile()
  }

  async #letGo(owner: ShardOwner, graceMs: number): Promise<void> {
    const members = this.#members
    const wasAssigned = owner.isAssigned
    this.#handOut.withdraw(owner)
    try {
      await owner.release(graceMs)
    } catch (error) {
      this.#report(error)
    }
    if (members !== this.#members || this.#owners.get(owner.shard) !== owner) return
    this.#owners.delete(owner.shard)
    this.#handOut.gone(owner)
    if (!wasAssigned) return
    this.#emit({ type: 'shard-revoked', shard: owner.shard })
    await members.released(owner.shard)
  }

  #failed(owner: ShardOwner, error: Error): void {
    if (this.#owners.get(owner.shard) !== owner || this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    this.#failures.set(owner.shard, (this.#failures.get(owner.shard) ?? 0) + 1)
    this.#attachment.end()
    this.#emit({ type: 'subscription-lost', error })
    void this.#takeAgain(owner)
  }

  async #takeAgain(owner: ShardOwner): Promise<void> {
    const { runtime } = this.#context
    const members = this.#members
    const earlier = (this.#failures.get(owner.shard) ?? 1) - 1
    await this.#letGo(owner, GRACE_MS)
    this.#parts.deadlines.add(backOffMs(earlier, runtime), () => {
      if (members === this.#members) void this.#again(owner.shard)
    })
  }

  async #again(shard: number): Promise<void> {
    try {
      await this.#context.declarer.declare(this.#topology)
    } catch (error) {
      // Consuming fails as well then, and comes back here later.
      this.#report(error)
    }
    this.#busy.delete(shard)
    await this.#reconcile()
  }

  #assigned(owner: ShardOwner): void {
    this.#emit({ type: 'shard-assigned', shard: owner.shard })
    this.#recovered(owner.shard)
  }

  /** The shard is well again, or another member's. */
  #recovered(shard: number): void {
    if (!this.#failures.delete(shard) || this.#failures.size > 0) return
    this.#attachment.begin()
    this.#emit({ type: 'subscription-restored' })
  }

  #newParts(): ShardParts {
    return {
      context: this.#context,
      group: this.#spec.group,
      topology: this.#topology,
      deadlines: new Deadlines(this.#context.runtime),
      window: this.#context.engine.requeuesBehind ? SHARED_WINDOW : Math.max(MIN_WINDOW, 2 * this.#spec.prefetch),
      renewEveryMs: this.#context.engine.routeFacts('durable', false).limits.settleWithinMs.value / 4,
      handOut: (delivery) => this.#handOut.add(delivery),
      assigned: (owner) => this.#assigned(owner),
      failed: (owner, error) => this.#failed(owner, error),
    }
  }

  #newMembers(): GroupMembers {
    const members: GroupMembers = new GroupMembers(this.#spec.group, this.#context, {
      changed: () => void this.#reconcile(),
      released: (shard) => this.#owners.get(shard)?.probe(),
      tick: () => this.#tick(members),
      failed: (error) => {
        if (members === this.#members) void this.#rejoin(members, error)
      },
    })
    return members
  }

  /** While a shard has not come, asks for it again: what should have told us may have been lost. */
  #tick(members: GroupMembers): void {
    for (const owner of this.#owners.values()) {
      if (owner.isAssigned) continue
      owner.probe()
      members.watch()
    }
  }

  #lost(): WaybillError {
    const { channel, name } = this.#spec.group
    return new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke while ${name} subscribed to ${channel.name}`)
  }

  #report(error: unknown): void {
    this.#context.emit({ type: 'error', error: error instanceof Error ? error : new Error(String(error)) })
  }

  #emit(
    event:
      | { readonly type: 'shard-assigned' | 'shard-revoked'; readonly shard: number }
      | { readonly type: 'subscription-lost'; readonly error: Error }
      | { readonly type: 'subscription-restored' },
  ): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ ...event, channel: channel.name, group: name })
  }
}
