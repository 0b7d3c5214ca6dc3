import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { backOffMs } from '../../../transport/back-off.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import type { LinkedSubscription } from '../linked-subscription.ts'
import { RollCall } from '../roll-call.ts'
import type { Wire } from '../wire.ts'
import { LeaseMembers } from './lease-members.ts'
import { OrderedDelivery } from './ordered-delivery.ts'
import { ShardOwner, type ShardParts } from './shard-owner.ts'
import { releaseShard, shardStanding, takeShard } from './take-over.ts'

/** How long a shard that goes to another member waits for its handlers. */
const GRACE_MS = 30_000
/**
 * Deliveries of one shard in this process at the least, however small the prefetch: the messages of one key wait for each
 * other here, and must not hide those of other keys.
 */
const MIN_WINDOW = 32
/** A shard that is not to be had yet is looked at again, should nobody tell. */
const LOOK_AGAIN_MS = 1_000

/** Everything of one time that the subscription is attached. */
interface Attachment {
  readonly wire: Wire
  readonly parts: ShardParts
  readonly members: LeaseMembers
  readonly rollCall: RollCall
}

/**
 * A member of an ordered group: takes its part of the shards, and hands out what their gates let through, at most
 * `prefetch` at a time over all of them.
 */
export class OrderedSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  /** The same through every link: what it had, it may take again at once. */
  readonly #self: string
  readonly #owners = new Map<number, ShardOwner>()
  /** Shards that are being taken or let go, or wait after a failure. */
  readonly #busy = new Set<number>()
  readonly #failures = new Map<number, number>()
  #attachment: Attachment | undefined
  #since: number | undefined
  #looking: Timer | undefined
  /** Let through by a gate, and waiting for room; at most a window for each shard. */
  #ready: OrderedDelivery[] = []
  #handed = 0
  #prefetch: number
  #pumping = false
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#receive = receive
    this.#onClosed = onClosed
    this.#prefetch = spec.prefetch
    this.#self = context.runtime.newId()
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when this member is one of the group, and its start is laid down. */
  async start(): Promise<void> {
    const { declarer, names, runtime } = this.#context
    const { group, start } = this.#spec
    const wire = this.#context.wire()
    this.#end()
    await declarer.group(group, start)
    await this.#context.delays.serve(group.channel)
    const attachment: Attachment = {
      wire,
      parts: this.#newParts(wire),
      members: this.#newMembers(wire),
      rollCall: new RollCall(wire.connection, names.here(group)),
    }
    this.#attachment = attachment
    await attachment.members.join()
    if (attachment !== this.#attachment) throw this.#lostLink()
    this.#since = runtime.now()
    this.#reconcile()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof OrderedDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || this.#owners.get(delivery.shard) !== delivery.owner) continue
      delivery.settled = true
      this.#handed--
      delivery.owner.handed--
      delivery.owner.settle(delivery, settlement)
    }
    this.#pump()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#pump()
  }

  linkDown(error: Error): void {
    this.#takeUp.linkDown()
    this.#end()
    this.#emit({ type: 'subscription-lost', error })
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    const attachment = this.#attachment
    try {
      await Promise.all([...this.#owners.values()].map((owner) => this.#letGo(owner, deadlineMs)))
      if (attachment?.wire.connection.isClosed() === false) await attachment.members.leave()
    } catch (error) {
      // The others will miss us.
      this.#report(error)
    }
    this.#end()
    this.#onClosed()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): void {
    const attachment = this.#attachment
    this.#attachment = undefined
    this.#since = undefined
    this.#looking?.cancel()
    this.#looking = undefined
    attachment?.members.end()
    attachment?.parts.deadlines.clear()
    if (attachment?.wire.connection.isClosed() === false) attachment.rollCall.end()
    for (const owner of this.#owners.values()) {
      if (owner.isAssigned) this.#emit({ type: 'shard-revoked', shard: owner.shard })
      owner.end()
    }
    this.#owners.clear()
    this.#busy.clear()
    this.#failures.clear()
    this.#ready = []
    this.#handed = 0
  }

  /** Brings the shards held here in line with the members, and the records, of now. */
  #reconcile(): void {
    const attachment = this.#attachment
    if (attachment === undefined || this.#closing !== undefined) return
    const { members } = attachment
    const wanted = new Set(members.shards)
    for (const owner of this.#owners.values()) {
      const stands = members.standingOf(owner.shard)
      if (stands !== undefined && stands.token > owner.token) this.#drop(owner)
      else if (!wanted.has(owner.shard)) void this.#moveOn(owner, attachment)
    }
    for (const shard of wanted)
      if (!this.#owners.has(shard) && !this.#busy.has(shard)) void this.#take(shard, attachment)
  }

  /** Takes the shard where nobody has it who lives. */
  async #take(shard: number, attachment: Attachment): Promise<void> {
    const { members, wire, parts } = attachment
    const { group } = this.#spec
    if (!isFree(members, shard)) return this.#lookAgain()
    this.#busy.add(shard)
    try {
      const before = await shardStanding(this.#context, wire, group, shard)
      if (before !== undefined) members.stands(shard, before)
      if (!isFree(members, shard) || attachment !== this.#attachment) return
      const taken = await takeShard(this.#context, wire, group, shard, this.#self, before)
      if (taken === undefined || attachment !== this.#attachment || this.#closing !== undefined) return
      members.stands(shard, { record: taken.record, revision: taken.revision, token: taken.token })
      this.#owners.set(shard, new ShardOwner(shard, taken, parts))
    } catch (error) {
      if (attachment !== this.#attachment) return
      this.#report(error)
      this.#failures.set(shard, (this.#failures.get(shard) ?? 0) + 1)
    } finally {
      if (attachment === this.#attachment) {
        this.#busy.delete(shard)
        if (!this.#owners.has(shard)) this.#lookAgain()
        // It may have become another's meanwhile.
        else this.#reconcile()
      }
    }
  }

  #lookAgain(): void {
    if (this.#looking !== undefined) return
    const failures = Math.max(0, ...this.#failures.values())
    const waitMs = failures === 0 ? LOOK_AGAIN_MS : backOffMs(failures, this.#context.runtime)
    this.#looking = this.#context.runtime.setTimer(waitMs, () => {
      this.#looking = undefined
      this.#reconcile()
    })
  }

  /** It is another member's already: nothing that is done here counts any more. */
  #drop(owner: ShardOwner): void {
    this.#forget(owner)
    if (owner.isAssigned) this.#emit({ type: 'shard-revoked', shard: owner.shard })
    owner.end()
  }

  /** Lets go of a shard that is to be another member's. */
  async #moveOn(owner: ShardOwner, attachment: Attachment): Promise<void> {
    if (this.#busy.has(owner.shard)) return
    this.#busy.add(owner.shard)
    try {
      await this.#letGo(owner, GRACE_MS)
    } catch (error) {
      this.#report(error)
    }
    if (attachment !== this.#attachment) return
    this.#busy.delete(owner.shard)
    this.#reconcile()
  }

  async #letGo(owner: ShardOwner, graceMs: number): Promise<void> {
    const attachment = this.#attachment
    if (attachment === undefined) return
    const wasAssigned = owner.isAssigned
    this.#ready = this.#ready.filter((delivery) => {
      if (delivery.owner === owner) owner.forget()
      return delivery.owner !== owner
    })
    await owner.drain(graceMs)
    const { next } = owner
    owner.end()
    if (attachment !== this.#attachment || this.#owners.get(owner.shard) !== owner) return
    this.#forget(owner)
    if (wasAssigned) this.#emit({ type: 'shard-revoked', shard: owner.shard })
    const { taken } = owner
    const released = { ...taken, record: { ...taken.record, next } }
    await releaseShard(this.#context, attachment.wire, this.#spec.group, owner.shard, released)
  }

  #forget(owner: ShardOwner): void {
    if (this.#owners.get(owner.shard) !== owner) return
    this.#owners.delete(owner.shard)
    this.#handed -= owner.handed
    this.#ready = this.#ready.filter((delivery) => delivery.owner !== owner)
  }

  #failed(owner: ShardOwner, error: Error): void {
    const attachment = this.#attachment
    if (this.#owners.get(owner.shard) !== owner || this.#busy.has(owner.shard) || attachment === undefined) return
    this.#busy.add(owner.shard)
    this.#since = undefined
    this.#emit({ type: 'subscription-lost', error })
    void this.#takeAgain(owner, attachment)
  }

  async #takeAgain(owner: ShardOwner, attachment: Attachment): Promise<void> {
    const { runtime, declarer } = this.#context
    const { group, start } = this.#spec
    const failures = this.#failures.get(owner.shard) ?? 0
    this.#failures.set(owner.shard, failures + 1)
    try {
      await this.#letGo(owner, GRACE_MS)
      // What was deleted is made again; what is there is left.
      await declarer.group(group, start)
    } catch (error) {
      this.#report(error)
    }
    attachment.parts.deadlines.add(backOffMs(failures, runtime), () => {
      if (attachment !== this.#attachment) return
      this.#busy.delete(owner.shard)
      this.#reconcile()
    })
  }

  #assigned(owner: ShardOwner): void {
    this.#emit({ type: 'shard-assigned', shard: owner.shard })
    if (!this.#failures.delete(owner.shard)) return
    if (this.#failures.size === 0) this.#since = this.#context.runtime.now()
    this.#emit({ type: 'subscription-restored' })
  }

  #pump(): void {
    if (this.#pumping || this.#ready.length === 0) return
    this.#pumping = true
    this.#context.runtime.defer(() => {
      this.#pumping = false
      // What a member that no longer counts still has is another's by now.
      if (this.#closing !== undefined || this.#attachment?.members.isHeld !== true) return
      const room = Math.max(0, this.#prefetch - this.#handed)
      const batch = this.#ready.splice(0, room)
      if (batch.length === 0) return
      this.#handed += batch.length
      for (const delivery of batch) delivery.owner.handed++
      this.#receive(batch)
    })
  }

  #newParts(wire: Wire): ShardParts {
    return {
      context: this.#context,
      wire,
      group: this.#spec.group,
      deadlines: new Deadlines(this.#context.runtime),
      window: Math.max(MIN_WINDOW, 2 * this.#spec.prefetch),
      isHeld: () => this.#attachment?.members.isHeld === true,
      handOut: (delivery) => {
        this.#ready.push(delivery)
        this.#pump()
      },
      assigned: (owner) => this.#assigned(owner),
      failed: (owner, error) => this.#failed(owner, error),
    }
  }

  #newMembers(wire: Wire): LeaseMembers {
    const members: LeaseMembers = new LeaseMembers(this.#self, this.#spec.group, this.#context, wire, {
      changed: () => this.#reconcile(),
      expired: (error) => {
        if (members !== this.#attachment?.members) return
        this.linkDown(error)
        this.#takeUp.begin()
      },
    })
    return members
  }

  #lostLink(): WaybillError {
    const { channel, name } = this.#spec.group
    return new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke while ${name} subscribed to ${channel.name}`)
  }

  #report(error: unknown): void {
    this.#context.emit({ type: 'error', error: asError(error) })
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

/** Nobody has it, or this member itself from before, or somebody who is gone. */
function isFree(members: LeaseMembers, shard: number): boolean {
  const owner = members.standingOf(shard)?.record.owner ?? ''
  return owner === '' || owner === members.self || !members.isMember(owner)
}
