import { WaybillError } from '../../../message/errors.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import type { LinkedSubscription } from '../../../transport/linked-subscription.ts'
import { OrderedAttachment } from './ordered-attachment.ts'
import { OrderedDelivery } from './ordered-delivery.ts'
import type { ShardOwner } from './shard-owner.ts'

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
  #attachment: OrderedAttachment | undefined
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
    const { declarer, runtime } = this.#context
    const { group, start } = this.#spec
    const connection = this.#context.connection()
    this.#end()
    await declarer.group(group, start)
    const attachment = this.#newAttachment(connection)
    this.#attachment = attachment
    if (!(await attachment.join())) throw this.#lostLink()
    this.#since = runtime.now()
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
    await this.#attachment?.leave(deadlineMs)
    this.#end()
    this.#onClosed()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): void {
    this.#since = undefined
    this.#attachment?.end()
    this.#attachment = undefined
    this.#ready = []
    this.#handed = 0
  }

  #assigned(owner: ShardOwner): void {
    const holdings = this.#attachment?.holdings
    this.#emit({ type: 'shard-assigned', shard: owner.shard })
    if (holdings?.mended(owner.shard) !== true) return
    if (holdings.isWhole) this.#since = this.#context.runtime.now()
    this.#emit({ type: 'subscription-restored' })
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
      // What a member that no longer counts still has is another's by now.
      if (this.#closing !== undefined || this.#attachment?.isHeld !== true) return
      const room = Math.max(0, this.#prefetch - this.#handed)
      const batch = this.#ready.splice(0, room)
      if (batch.length === 0) return
      this.#handed += batch.length
      for (const delivery of batch) delivery.owner.handed++
      this.#receive(batch)
    })
  }

  #newAttachment(connection: Connection): OrderedAttachment {
    return new OrderedAttachment(this.#self, this.#spec, this.#context, connection, {
      assigned: (owner) => this.#assigned(owner),
      revoked: (shard) => this.#emit({ type: 'shard-revoked', shard }),
      lost: (error) => {
        this.#since = undefined
        this.#emit({ type: 'subscription-lost', error })
      },
      dropped: (owner) => this.#dropped(owner),
      handOut: (delivery) => {
        this.#ready.push(delivery)
        this.#pump()
      },
      leaving: (owner) => {
        const mine = this.#ready.filter((delivery) => delivery.owner === owner)
        this.#ready = this.#ready.filter((delivery) => delivery.owner !== owner)
        for (const delivery of mine) delivery.owner.forget()
      },
      expired: (error) => {
        if (this.#closing !== undefined) return
        this.linkDown(error)
        this.#takeUp.begin()
      },
    })
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
