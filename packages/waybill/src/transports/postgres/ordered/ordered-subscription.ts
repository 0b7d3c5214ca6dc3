import { Deadlines } from '../../../runtime/deadlines.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import type { LinkedSubscription } from '../../../transport/linked-subscription.ts'
import { membersOf, messagesOf } from '../names.ts'
import type { Wire } from '../wire.ts'
import { OrderedDelivery } from './ordered-delivery.ts'
import { ShardHoldings } from './shard-holdings.ts'
import type { ShardOwner, ShardParts } from './shard-owner.ts'

/**
 * Messages of one shard in this process at the least, however small the prefetch: the messages of one key wait for each other
 * here, and must not hide those of other keys.
 */
const MIN_WINDOW = 32

/** Everything of one time that the subscription is attached. */
interface Attachment {
  readonly wire: Wire
  readonly groupId: number
  readonly member: number
  readonly parts: ShardParts
  readonly holdings: ShardHoldings
  readonly unlisten: (() => void)[]
}

/**
 * A member of an ordered group: takes its part of the shards, and hands out what their gates let through, at most `prefetch`
 * at a time over all of them.
 */
export class OrderedSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  #attachment: Attachment | undefined
  /** The member that the server may still know. */
  #former: number | undefined
  #life = 0
  #since: number | undefined
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
    const { declarer, leases, runtime, settings } = this.#context
    const { group, start } = this.#spec
    this.#end()
    const life = this.#life
    const wire = this.#context.wire()
    const groupId = await declarer.group(group, start)
    const former = this.#former
    const member = await leases.join(wire, groupId, former, (error) => this.#failed(error, life))
    this.#former = member
    const parts = this.#newParts(wire, groupId, life)
    const holdings = new ShardHoldings(parts, member, former, {
      revoked: (shard) => this.#emit({ type: 'shard-revoked', shard }),
      dropped: (owner) => this.#dropped(owner),
      failed: (error) => this.#failed(error, life),
    })
    const unlisten = [
      await wire.listen(messagesOf(settings.schema, groupId), () => holdings.look()),
      await wire.listen(membersOf(settings.schema, groupId), () => holdings.changed()),
    ]
    const attachment = { wire, groupId, member, parts, holdings, unlisten }
    if (life !== this.#life) return this.#forget(attachment)
    this.#attachment = attachment
    this.#since = runtime.now()
    holdings.changed()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof OrderedDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || this.#attachment?.holdings.ownerOf(delivery.shard) !== delivery.owner) continue
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
    if (attachment !== undefined) {
      // A link that goes meanwhile ends the lease by itself.
      await attachment.holdings.close(deadlineMs).catch(() => undefined)
      if (attachment === this.#attachment)
        await this.#context.leases.leave(attachment.wire, attachment.groupId, attachment.member).catch(() => undefined)
    }
    this.#end()
    this.#onClosed()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): void {
    const attachment = this.#attachment
    this.#life++
    this.#since = undefined
    this.#attachment = undefined
    if (attachment !== undefined) this.#forget(attachment)
    this.#ready = []
    this.#handed = 0
  }

  #forget({ holdings, parts, unlisten, member }: Attachment): void {
    holdings.end()
    parts.deadlines.clear()
    for (const each of unlisten) each()
    this.#context.leases.forget(member)
  }

  #failed(error: Error, life: number): void {
    const wire = this.#attachment?.wire
    if (life !== this.#life || this.#closing !== undefined || wire === undefined || wire.isEnded) return
    this.#end()
    this.#emit({ type: 'subscription-lost', error })
    this.#takeUp.begin()
  }

  #dropped(owner: ShardOwner): void {
    this.#handed -= owner.handed
    owner.handed = 0
    this.#ready = this.#ready.filter((delivery) => delivery.owner !== owner)
  }

  #pump(): void {
    if (this.#pumping || this.#ready.length === 0) return
    this.#pumping = true
    this.#context.runtime.defer(() => {
      this.#pumping = false
      if (this.#closing !== undefined || this.#ready.length === 0) return
      // What a member that no longer counts still has is another's by now.
      if (!this.#context.leases.isHeld) return this.#failed(new Error('the lease was not renewed in time'), this.#life)
      const batch = this.#ready.splice(0, Math.max(0, this.#prefetch - this.#handed))
      if (batch.length === 0) return
      this.#handed += batch.length
      for (const delivery of batch) delivery.owner.handed++
      this.#receive(batch)
    })
  }

  #newParts(wire: Wire, groupId: number, life: number): ShardParts {
    return {
      context: this.#context,
      wire,
      group: this.#spec.group,
      groupId,
      deadlines: new Deadlines(this.#context.runtime),
      window: Math.max(MIN_WINDOW, 2 * this.#spec.prefetch),
      handOut: (delivery) => {
        this.#ready.push(delivery)
        this.#pump()
      },
      leaving: (owner) => {
        const mine = this.#ready.filter((delivery) => delivery.owner === owner)
        this.#ready = this.#ready.filter((delivery) => delivery.owner !== owner)
        for (const delivery of mine) delivery.owner.forget()
      },
      assigned: (owner) => this.#emit({ type: 'shard-assigned', shard: owner.shard }),
      failed: (error) => this.#failed(error, life),
    }
  }

  #emit(
    event:
      | { readonly type: 'shard-assigned' | 'shard-revoked'; readonly shard: number }
      | { readonly type: 'subscription-lost'; readonly error: Error },
  ): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ ...event, channel: channel.name, group: name })
  }
}
