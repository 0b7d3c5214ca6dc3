import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import { HandOut, windowFor } from '../../../transport/ordered/hand-out.ts'
import { ShardHoldings } from '../../../transport/ordered/shard-holdings.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import type { LinkedSubscription } from '../../../transport/linked-subscription.ts'
import { RollCall } from '../roll-call.ts'
import type { Wire } from '../wire.ts'
import { LeaseMembers } from './lease-members.ts'
import type { ShardItem } from './shard-item.ts'
import { RecordedClaims } from './recorded-claims.ts'
import type { ShardOwner, ShardParts } from './shard-owner.ts'
import type { Taken } from './take-over.ts'

/** Everything of one time that the subscription is attached. */
interface Attachment {
  readonly wire: Wire
  readonly parts: ShardParts
  readonly members: LeaseMembers
  readonly holdings: ShardHoldings<ShardOwner, Taken>
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
  readonly #handOut: HandOut<ShardItem>
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  /** The same through every link: what it had, it may take again at once. */
  readonly #self: string
  #attachment: Attachment | undefined
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#handOut = new HandOut(spec.prefetch, context.runtime, {
      receive,
      isHeld: () => this.#attachment?.members.isHeld === true,
      ownerOf: (shard) => this.#attachment?.holdings.ownerOf(shard),
    })
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
    const { declarer, delays, runtime } = this.#context
    const { group, start } = this.#spec
    const wire = this.#context.wire()
    this.#end()
    await declarer.group(group, start)
    await delays.serve(group.channel)
    const attachment = this.#newAttachment(wire)
    this.#attachment = attachment
    await attachment.members.join()
    if (attachment !== this.#attachment) throw this.#lostLink()
    this.#since = runtime.now()
    attachment.holdings.reconcile()
  }

  settle(batch: readonly Settlement[]): void {
    this.#handOut.settle(batch)
  }

  flow(prefetch: number): void {
    this.#handOut.flow(prefetch)
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
    this.#handOut.end()
    const attachment = this.#attachment
    try {
      await attachment?.holdings.close(deadlineMs)
      if (attachment?.wire.connection.isClosed() === false) await attachment.members.leave()
    } catch (error) {
      // The others will miss us.
      this.#context.emit({ type: 'error', error: asError(error) })
    }
    this.#end()
    this.#onClosed()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): void {
    const attachment = this.#attachment
    this.#since = undefined
    if (attachment === undefined) return
    attachment.members.end()
    attachment.holdings.end()
    attachment.parts.deadlines.clear()
    if (!attachment.wire.connection.isClosed()) attachment.rollCall.end()
    this.#attachment = undefined
    this.#handOut.clear()
  }

  #assigned(owner: ShardOwner): void {
    const holdings = this.#attachment?.holdings
    this.#emit({ type: 'shard-assigned', shard: owner.shard })
    if (holdings?.mended(owner.shard) !== true) return
    if (holdings.isWhole) this.#since = this.#context.runtime.now()
    this.#emit({ type: 'subscription-restored' })
  }

  #newAttachment(wire: Wire): Attachment {
    const { names } = this.#context
    const { group, start } = this.#spec
    const parts = this.#newParts(wire)
    const members = this.#newMembers(wire)
    const claims = new RecordedClaims(members, parts, start)
    const holdings = new ShardHoldings(claims, this.#context.runtime, parts.deadlines, {
      // It says so itself, once it knows its lane.
      taken: () => undefined,
      revoked: (shard) => this.#emit({ type: 'shard-revoked', shard }),
      lost: (error) => {
        this.#since = undefined
        this.#emit({ type: 'subscription-lost', error })
      },
      dropped: (owner) => this.#handOut.drop(owner),
      failed: (error) => this.#context.emit({ type: 'error', error }),
    })
    return { wire, parts, members, holdings, rollCall: new RollCall(wire.connection, names.here(group)) }
  }

  #newParts(wire: Wire): ShardParts {
    return {
      context: this.#context,
      wire,
      group: this.#spec.group,
      deadlines: new Deadlines(this.#context.runtime),
      window: windowFor(this.#spec.prefetch),
      isHeld: () => this.#attachment?.members.isHeld === true,
      handOut: (delivery) => this.#handOut.add(delivery),
      leaving: (owner) => this.#handOut.withdraw(owner),
      assigned: (owner) => this.#assigned(owner),
      failed: (owner, error) => this.#attachment?.holdings.failed(owner, error),
    }
  }

  #newMembers(wire: Wire): LeaseMembers {
    const members: LeaseMembers = new LeaseMembers(this.#self, this.#spec.group, this.#context, wire, {
      changed: () => this.#attachment?.holdings.reconcile(),
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
