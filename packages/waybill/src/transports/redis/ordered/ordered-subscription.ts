import { WaybillError } from '../../../message/errors.ts'
import { HandOut } from '../../../transport/ordered/hand-out.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { Connection } from '../connection.ts'
import type { Context } from '../context.ts'
import type { LinkedSubscription } from '../../../transport/linked-subscription.ts'
import { OrderedAttachment } from './ordered-attachment.ts'
import type { ShardItem } from './shard-item.ts'
import type { ShardOwner } from './shard-owner.ts'

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
  #attachment: OrderedAttachment | undefined
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
      isHeld: () => this.#attachment?.isHeld === true,
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
    await this.#attachment?.leave(deadlineMs)
    this.#end()
    this.#onClosed()
  }

  /** Forgets everything that the lost link, or the end, has made void. */
  #end(): void {
    this.#since = undefined
    this.#attachment?.end()
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

  #newAttachment(connection: Connection): OrderedAttachment {
    return new OrderedAttachment(this.#self, this.#spec, this.#context, connection, {
      taken: (owner) => this.#assigned(owner),
      revoked: (shard) => this.#emit({ type: 'shard-revoked', shard }),
      lost: (error) => {
        this.#since = undefined
        this.#emit({ type: 'subscription-lost', error })
      },
      dropped: (owner) => this.#handOut.drop(owner),
      handOut: (delivery) => this.#handOut.add(delivery),
      leaving: (owner) => this.#handOut.withdraw(owner),
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
