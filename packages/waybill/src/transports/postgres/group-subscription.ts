import { asError } from '../../message/as-error.ts'
import { deadLetter, type Burial } from '../../transport/dead-letter.ts'
import { Idle } from '../../transport/idle.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { GroupAttachment } from './group-attachment.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { channelKey } from './names.ts'
import { QueueDelivery, type QueueRow } from './queue-delivery.ts'
import { headOf } from '../../message/stored-message.ts'
import { retried, vanishesWhenExpired } from '../../transport/settled-message.ts'

/**
 * A member of a durable group that is not ordered. What it fetches is marked as held by it, and stays so while its lease runs,
 * however long a handler takes; nothing is locked meanwhile.
 *
 * It lives once for each time that it is attached; a settlement of a delivery from an earlier life is ignored, because that
 * delivery is free for others.
 */
export class GroupSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #idle: Idle
  #attachment: GroupAttachment | undefined
  /** The member that the server may still know. */
  #former: number | undefined
  #life = 0
  #since: number | undefined
  #prefetch: number
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
    this.address = spec.group.channel.kind === 'reply' ? channelKey(spec.group.channel) : undefined
    this.#idle = new Idle(context.runtime)
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the server counts it as a member. */
  async start(): Promise<void> {
    const { declarer, runtime } = this.#context
    const { group, start } = this.#spec
    this.#detach()
    const life = this.#life
    const wire = this.#context.wire()
    const groupId = await declarer.group(group, start)
    const attachment = await GroupAttachment.open(this.#context, wire, group, groupId, this.#former, {
      room: () => (life === this.#life && this.#closing === undefined ? this.#prefetch - this.#idle.count : 0),
      fetched: (rows) => this.#fetched(rows, life),
      failed: (error) => this.#failed(error, life),
    })
    this.#former = attachment.member
    // The link may have gone meanwhile.
    if (life !== this.#life) return attachment.end()
    this.#attachment = attachment
    this.#since = runtime.now()
    attachment.look()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof QueueDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || delivery.life !== this.#life) continue
      delivery.settled = true
      if (settlement.action === 'reject') this.#bury(delivery, settlement)
      else {
        if (settlement.action === 'ack') this.#attachment?.settlements.ack(delivery.id)
        else this.#attachment?.settlements.retry(delivery.id, settlement.afterMs, headOf(retried(settlement)))
        this.#idle.remove(1)
      }
    }
    this.#attachment?.look()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#attachment?.look()
  }

  linkDown(error: Error): void {
    this.#detach()
    this.#takeUp.linkDown()
    this.#lost(error)
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
    const drained = attachment?.drain()
    await this.#idle.wait(deadlineMs)
    await drained
    // Nobody is told of a link that goes meanwhile: the lease ends by itself.
    if (attachment !== undefined && attachment === this.#attachment) {
      await attachment.settlements.written()
      await this.#context.leases.leave(attachment.wire, attachment.groupId, attachment.member).catch(() => undefined)
    }
    this.#detach()
    this.#onClosed()
  }

  #detach(): void {
    this.#life++
    this.#since = undefined
    this.#attachment?.end()
    this.#attachment = undefined
    this.#idle.reset()
  }

  /** A statement was refused, or the server does not count it in any more, although the link is well: it is attached anew. */
  #failed(thrown: unknown, life: number): void {
    const wire = this.#attachment?.wire
    if (life !== this.#life || this.#closing !== undefined || wire === undefined || wire.isEnded) return
    this.#detach()
    this.#lost(asError(thrown))
    this.#takeUp.begin()
  }

  #lost(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
  }

  #fetched(rows: readonly QueueRow[], life: number): void {
    // It is closing: what came returns with its lease.
    if (life !== this.#life || this.#closing !== undefined) return
    const now = this.#context.runtime.now()
    this.#idle.add(rows.length)
    const batch: QueueDelivery[] = []
    for (const row of rows) {
      const delivery = new QueueDelivery(row, this.#spec.group.channel, life)
      const { expiresAt } = delivery.message
      if (expiresAt === undefined || expiresAt > now) batch.push(delivery)
      else this.#expired(delivery)
    }
    if (batch.length > 0) this.#receive(batch)
  }

  #expired(delivery: QueueDelivery): void {
    delivery.settled = true
    if (!vanishesWhenExpired(delivery.message))
      return this.#bury(delivery, { reason: 'expired', detail: 'expired before it was handled' })
    this.#attachment?.settlements.ack(delivery.id)
    this.#idle.remove(1)
  }

  #bury(delivery: QueueDelivery, burial: Burial): void {
    const letter = deadLetter(delivery.message, this.#spec.group, burial, this.#context.runtime.now())
    this.#attachment?.settlements.bury(delivery.id, headOf(letter))
    this.#idle.remove(1)
  }
}
