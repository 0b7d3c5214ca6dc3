import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type { WireMessage } from '../../../message/wire-message.ts'
import { Deadlines } from '../../../runtime/deadlines.ts'
import { Idle } from '../../../transport/idle.ts'
import { TakeUp } from '../../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../../transport/transport.ts'
import type { LinkedSubscription, SubscriptionContext } from '../subscription-context.ts'
import { newKafkaId } from '../kafka-id.ts'
import { LaterMover } from '../later/later-mover.ts'
import { fromRecord } from '../record-mapping.ts'
import { retried, vanishesWhenExpired } from '../../../transport/settled-message.ts'
import { namesOf, type GroupNames } from '../topic-names.ts'
import { deliveriesBefore, withDeliveries } from './delivery-count.ts'
import { ACKNOWLEDGE } from './share-apis.ts'
import { ShareAttachment } from './share-attachment.ts'
import { ShareDelivery } from './share-delivery.ts'
import { ShareMoves } from './share-moves.ts'
import type { AcquiredRecord, ShareReaderParts } from './share-reader.ts'

/**
 * A member of an unordered group: a Kafka share group, whose members share every partition message by message.
 *
 * It lives once for each time that it is attached; a settlement of a delivery from an earlier life is ignored, because the
 * broker gives that record out again. A retry is a copy in a topic of the group, stored before the original is
 * acknowledged: at once in `--again`, which the group reads beside its channel, or after its wait in `--later`.
 */
export class ShareSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #names: GroupNames
  readonly #takeUp: TakeUp
  readonly #idle: Idle
  readonly #deadlines: Deadlines
  readonly memberId: string
  readonly #deliveryLimit: () => number
  /** Handed out and not acknowledged, those that are being moved included. */
  readonly #unsettled = new Set<ShareDelivery>()
  readonly #moves: ShareMoves
  #attachment: ShareAttachment | undefined
  #mover: LaterMover | undefined
  #life = 0
  #prefetch: number
  /** Handed out and not settled: what the prefetch bounds. */
  #handed = 0
  #since: number | undefined
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: SubscriptionContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
    deliveryLimit: () => number,
  ) {
    this.#spec = spec
    this.#context = context
    this.#receive = receive
    this.#onClosed = onClosed
    this.#deliveryLimit = deliveryLimit
    this.#names = namesOf(spec.group)
    this.#prefetch = spec.prefetch
    this.memberId = newKafkaId(context.runtime)
    this.#deadlines = new Deadlines(context.runtime)
    this.#idle = new Idle(context.runtime)
    this.#moves = new ShareMoves(spec.group, context, {
      moved: (delivery) => this.#acknowledge(delivery),
      failed: (delivery, error) => {
        if (delivery.life !== this.#life) return
        this.#emitError(error)
        this.#acknowledge(delivery, ACKNOWLEDGE.release)
      },
    })
    this.address = spec.group.channel.kind === 'reply' ? this.#names.topic : undefined
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the group counts this member. */
  async start(): Promise<void> {
    const life = ++this.#life
    await this.#context.declarer.group(this.#spec.group, this.#spec.start ?? 'now')
    const link = this.#context.link()
    const attachment = new ShareAttachment(
      this.memberId,
      link,
      this.#names,
      this.#readerParts(life),
      this.#deadlines,
      () => this.#unsettled,
    )
    const mover = new LaterMover(this.memberId, this.#spec.group, this.#context, link, (error) =>
      this.#lost(error, life),
    )
    if (life !== this.#life) throw this.#gone()
    this.#attachment = attachment
    this.#mover = mover
    try {
      await Promise.all([attachment.start(), mover.start()])
      if (life !== this.#life) throw this.#gone()
    } catch (error) {
      // The next try begins anew, and this one's must not go on beside it.
      attachment.end()
      mover.end()
      throw error
    }
    this.#since = this.#context.runtime.now()
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof ShareDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || delivery.life !== this.#life) continue
      delivery.settled = true
      this.#handed--
      if (settlement.action === 'ack') this.#acknowledge(delivery)
      else if (settlement.action === 'retry') this.#moves.retry(delivery, retried(settlement), settlement.afterMs)
      else this.#moves.bury(delivery, settlement)
    }
    this.#attachment?.wake()
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#attachment?.wake()
  }

  linkDown(error: Error): void {
    this.#detach()
    this.#takeUp.linkDown()
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
    await this.#idle.wait(deadlineMs)
    const [attachment, mover] = [this.#attachment, this.#mover]
    try {
      await Promise.all([attachment?.close(), mover?.close()])
    } finally {
      this.#detach()
      this.#onClosed()
    }
  }

  /** Whatever is unsettled belongs to the group again. */
  #detach(): void {
    this.#life++
    this.#attachment?.end()
    this.#mover?.end()
    this.#attachment = this.#mover = this.#since = undefined
    this.#unsettled.clear()
    this.#handed = 0
    this.#deadlines.clear()
    this.#idle.reset()
  }

  /** The coordinator or a leader no longer counts it; the link is well. */
  #lost(error: Error, life: number): void {
    if (life !== this.#life || this.#closing !== undefined) return
    this.#detach()
    this.#emit({ type: 'subscription-lost', error })
    this.#takeUp.begin()
  }

  #readerParts(life: number): ShareReaderParts {
    return {
      group: this.#names.id,
      // Of this life alone: what the broker still does to a session of the last one must not meet this one.
      member: newKafkaId(this.#context.runtime),
      room: () => (life === this.#life && this.#closing === undefined ? this.#prefetch - this.#handed : 0),
      take: (records, lockMs) => {
        if (life === this.#life) this.#take(records, lockMs, life)
      },
      tooLate: ({ topic }, code) => {
        const what = `share group ${this.#names.id} has given messages of ${topic} to others meanwhile (Kafka's error ${code})`
        this.#emitError(new WaybillError('WAYBILL_REFUSED', what))
      },
      failed: (error) => this.#lost(error, life),
    }
  }

  #take(records: readonly AcquiredRecord[], lockMs: number, life: number): void {
    const now = this.#context.runtime.now()
    const limit = this.#deliveryLimit()
    const deliveries: ShareDelivery[] = []
    for (const acquired of records) {
      const { record, from } = acquired
      const isRetry = from.topic === this.#names.again
      const { before, message } = deliveriesBefore(fromRecord(record, record.timestamp))
      const delivery = new ShareDelivery(
        message,
        before + acquired.deliveryCount,
        acquired,
        life,
        isRetry ? undefined : String(record.offset),
      )
      this.#unsettled.add(delivery)
      this.#idle.add(1)
      if (!isRetry && !this.#isWanted(message)) this.#acknowledge(delivery)
      else if (message.expiresAt !== undefined && message.expiresAt <= now) this.#expired(delivery)
      // The broker would throw it away after this delivery: a copy of it begins anew, and says how often it came before.
      else if (acquired.deliveryCount >= limit)
        this.#moves.again(delivery, withDeliveries(message, delivery.deliveryCount - 1))
      else deliveries.push(delivery)
    }
    this.#attachment?.keepLocked(lockMs)
    if (deliveries.length === 0) return
    this.#handed += deliveries.length
    this.#receive(deliveries)
  }

  #isWanted({ type }: WireMessage): boolean {
    const { types } = this.#spec.group
    return types === undefined || types.includes(type)
  }

  #expired(delivery: ShareDelivery): void {
    delivery.settled = true
    if (vanishesWhenExpired(delivery.message)) this.#acknowledge(delivery)
    else this.#moves.bury(delivery, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #acknowledge(delivery: ShareDelivery, type: number = ACKNOWLEDGE.accept): void {
    if (!this.#unsettled.delete(delivery)) return
    const { reader, from, record } = delivery.acquired
    reader.acknowledge(from, record.offset, type)
    this.#idle.remove(1)
  }

  #gone(): WaybillError {
    const { channel, name } = this.#spec.group
    return new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke while ${name} subscribed to ${channel.name}`)
  }

  #emitError(error: unknown): void {
    this.#context.emit({ type: 'error', error: asError(error) })
  }

  #emit(event: { readonly type: 'subscription-lost'; readonly error: Error }): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ ...event, channel: channel.name, group: name })
  }
}
