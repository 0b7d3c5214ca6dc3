import type { Msg, Subscription as NatsSubscription } from '@nats-io/transport-node'
import { WaybillError } from '../../message/errors.ts'
import { ConfirmedMoves } from '../../transport/confirmed-moves.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { LocalDelivery } from '../../transport/lives-delivery.ts'
import { LocalQueue } from '../../transport/lives-queue.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { decodeMessage } from './message-mapping.ts'
import { nameToken } from './name-token.ts'
import { subjectOf, type Publication } from './publisher.ts'
import { RollCall } from './roll-call.ts'
import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import { deadLetterPublication } from './settlement.ts'
import type { Wire } from './wire.ts'

interface Attachment {
  readonly wire: Wire
  readonly subscriptions: readonly NatsSubscription[]
  /** One instance alone is no member of a group. */
  readonly rollCall: RollCall | undefined
  readonly moves: ConfirmedMoves<Publication>
}

/**
 * Queries and surveys of a group, replies to one process, signals: what is for who listens now. Core NATS sends whatever
 * comes: beyond what may wait here, the newest are dropped, and that is said.
 */
export class CoreSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  readonly #subjects: readonly string[]
  #attachment: Attachment | undefined
  #since: number | undefined
  /** Of dead letters in this process: what tells them apart in their stream. */
  #rejected = 0
  #dropping = false
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    const { channel } = spec.group
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    const isReply = channel.kind === 'reply'
    this.address = isReply
      ? `${context.settings.inboxPrefix}.${context.runtime.newId().replaceAll('-', '')}.${nameToken(channel.name)}`
      : undefined
    this.#subjects = this.address === undefined ? context.names.coreSubjects(spec.group) : [this.address]
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => undefined,
      rejected: (delivery, reject) => this.#reject(delivery, reject),
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.#attach())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the server sends to it. */
  async start(): Promise<void> {
    await this.#attach()
  }

  settle(batch: readonly Settlement[]): void {
    this.#queue.settle(batch)
  }

  flow(prefetch: number): void {
    this.#queue.flow(prefetch)
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
    this.#queue.shut()
    const attachment = this.#attachment
    if (attachment !== undefined && !attachment.wire.connection.isClosed()) {
      attachment.rollCall?.end()
      // What other members could take must not come here any more.
      await Promise.all(attachment.subscriptions.map((each) => each.drain())).catch(() => undefined)
    }
    await this.#queue.idle.wait(deadlineMs)
    this.#detach()
    this.#onClosed()
  }

  async #attach(): Promise<void> {
    const { group, transient } = this.#spec
    const { declarer, names, runtime } = this.#context
    const wire = this.#context.wire()
    if (!transient) await declarer.group(group)
    this.#queue.reset()
    const { life } = this.#queue
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null) this.#refused(error, life)
      else this.#heard(message, life)
    }
    // Members of a group share what comes; one instance alone has everything.
    const shared = transient ? {} : { queue: nameToken(group.name) }
    this.#attachment = {
      wire,
      subscriptions: this.#subjects.map((subject) => wire.connection.subscribe(subject, { ...shared, callback })),
      rollCall: transient ? undefined : new RollCall(wire.connection, names.here(group)),
      moves: new ConfirmedMoves(wire.publisher, runtime, () => declarer.side(group.channel), subjectOf),
    }
    await wire.connection.flush()
    if (life === this.#queue.life) this.#since = runtime.now()
  }

  #detach(): void {
    this.#since = undefined
    this.#attachment?.moves.end()
    if (this.#attachment?.wire.connection.isClosed() === false) {
      this.#attachment.rollCall?.end()
      for (const each of this.#attachment.subscriptions) each.unsubscribe()
    }
    this.#attachment = undefined
    this.#queue.reset()
  }

  /** The server has ended it, for instance for want of a permission. */
  #refused(error: Error, life: number): void {
    if (life !== this.#queue.life || this.#closing !== undefined) return
    this.#detach()
    this.#lost(error)
    this.#takeUp.begin()
  }

  #lost(error: Error): void {
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    if (this.#spec.transient) this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #heard(message: Msg, life: number): void {
    if (this.#queue.isFull) return this.#drop()
    this.#dropping = false
    this.#queue.add(new LocalDelivery(decodeMessage(message.headers, message.data), 0, life))
  }

  #drop(): void {
    if (this.#dropping) return
    this.#dropping = true
    const { channel, name } = this.#spec.group
    const what = `too many messages of ${channel.name} wait in group ${name}: newer ones are dropped`
    this.#context.emit({ type: 'error', error: new WaybillError('WAYBILL_LIMIT', what) })
    if (this.#spec.transient) this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #reject(delivery: LocalDelivery, reject: Parameters<typeof deadLetterPublication>[2]): void {
    const { names, runtime } = this.#context
    const { group, transient } = this.#spec
    const { message } = delivery
    // A transient subscription leaves nothing behind; its owner knows that it failed.
    if (transient || (reject.reason === 'expired' && vanishesWhenExpired(message))) return
    const place = { of: `${message.id}/${message.attempt}`, sequence: ++this.#rejected }
    const letter = deadLetterPublication(message, group, reject, place, names, runtime.now())
    this.#attachment?.moves.move({ ...letter, messageId: undefined }, (error) => {
      if (error !== undefined) this.#context.emit({ type: 'error', error })
    })
  }
}
