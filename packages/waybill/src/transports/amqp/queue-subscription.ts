import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import { whoseOf } from '../../transport/check-subscription.ts'
import type {
  Delivery,
  Settlement,
  Subscription,
  SubscriptionSnapshot,
  SubscriptionSpec,
} from '../../transport/transport.ts'
import { Attachment, standingOf } from './attachment.ts'
import { ConfirmedMoves } from '../../transport/confirmed-moves.ts'
import { queueOf, type AmqpConsumer, type AmqpDelivery, type Publication } from './engine.ts'
import { Idle } from '../../transport/idle.ts'
import { vanishesWhenExpired } from '../../transport/settled-message.ts'
import { QueueDelivery } from './queue-delivery.ts'
import { deadLetterPublication, retryPublication } from './settlement.ts'
import { Starvation } from './starvation.ts'
import type { LinkedSubscription, SubscriptionContext } from './subscription-context.ts'
import { TakeUp } from '../../transport/take-up.ts'
import { isStored, type GroupTopology } from './topology.ts'

/**
 * A subscription that consumes one queue: a member of an unordered group, or one instance alone (transient).
 *
 * It lives once for each time that it is attached to the queue; a settlement of a delivery from an earlier life is
 * ignored, because the broker has taken that delivery back. Settlements of one turn become one acknowledgement.
 */
export class QueueSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly #spec: SubscriptionSpec
  readonly #context: SubscriptionContext
  readonly #topology: GroupTopology
  readonly #queue: string
  readonly #receive: (batch: readonly Delivery[]) => void
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #idle: Idle
  readonly #attachment: Attachment
  readonly #starvation = new Starvation()
  #received = 0
  #consumer: AmqpConsumer | undefined
  #moves: ConfirmedMoves<Publication>
  #life = 0
  #prefetch: number
  /** Until it has, who waits for `start` is told what goes wrong, and nobody else. */
  #hasBegun = false
  #acks: number[] = []
  #flushing = false
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    topology: GroupTopology,
    context: SubscriptionContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#topology = topology
    this.#context = context
    this.#receive = receive
    this.#onClosed = onClosed
    this.#queue = topology.sources[0] as string // one source: not ordered
    this.#prefetch = spec.prefetch
    this.address = spec.group.channel.kind === 'reply' ? this.#queue : undefined
    this.#idle = new Idle(context.runtime)
    this.#attachment = new Attachment(spec.group, context.runtime)
    this.#moves = this.#newMoves()
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.#attach())
  }

  /** Resolves when the broker delivers to it. */
  async start(): Promise<void> {
    await this.#attach()
    this.#hasBegun = true
  }

  settle(batch: readonly Settlement[]): void {
    for (const settlement of batch) {
      const { delivery } = settlement
      if (!(delivery instanceof QueueDelivery)) throw new TypeError('settle() takes deliveries of this subscription')
      if (delivery.settled || delivery.life !== this.#life) continue
      delivery.settled = true
      if (settlement.action === 'ack') this.#ack(delivery)
      else if (settlement.action === 'retry') {
        this.#move(delivery, retryPublication(settlement, this.#queue, this.#isKept(delivery)))
      } else this.#reject(delivery, settlement)
    }
  }

  flow(prefetch: number): void {
    this.#prefetch = prefetch
    this.#consumer?.prefetch(prefetch)
  }

  linkDown(error: Error): void {
    this.#takeUp.linkDown()
    this.#lost(error)
  }

  linkUp(): void {
    if (this.#hasBegun) this.#takeUp.linkUp()
  }

  async check(): Promise<void> {
    const consumer = this.#consumer
    const life = this.#life
    if (consumer === undefined || this.#closing !== undefined) return
    const { attached, ready } = await standingOf(consumer, this.#context.runtime)
    if (life !== this.#life || this.#closing !== undefined) return
    const starves = this.#starvation.note(this.#received, ready > 0 && this.#idle.count < this.#prefetch)
    if (attached && !starves) return
    this.#cancelled(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `${this.#queue} has lost its consumer`), life)
    try {
      await consumer.close()
    } catch (error) {
      // With the link it is gone, too.
      if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) this.#context.emit({ type: 'error', error: asError(error) })
    }
  }

  async inspect(): Promise<SubscriptionSnapshot> {
    const standing = await this.#consumer?.inspect()
    return standing === undefined ? this.detached : this.#attachment.snapshot(standing.attached, standing.ready)
  }

  get detached(): SubscriptionSnapshot {
    return this.#attachment.snapshot(false)
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    await this.#idle.wait(deadlineMs)
    this.#flush()
    const consumer = this.#consumer
    this.#detach()
    await consumer?.close()
    this.#onClosed()
  }

  async #attach(): Promise<void> {
    const { declarer, engine } = this.#context
    await declarer.declare(this.#topology)
    const life = ++this.#life
    const consumer = await engine.consume(
      { queue: this.#queue, prefetch: this.#prefetch },
      {
        deliver: (batch) => this.#deliver(batch, life),
        cancelled: (error) => this.#cancelled(error, life),
      },
    )
    if (life !== this.#life) {
      await consumer.close()
      throw new WaybillError('WAYBILL_NOT_CONNECTED', `${whoseOf(this.#spec)} was lost while it subscribed`)
    }
    this.#consumer = consumer
    this.#attachment.begin()
    this.#flush()
  }

  #detach(): void {
    this.#life++
    this.#attachment.end()
    this.#consumer = undefined
    this.#acks = []
    this.#moves.end()
    this.#moves = this.#newMoves()
    this.#idle.reset()
  }

  #cancelled(error: Error, life: number): void {
    if (life !== this.#life) return
    this.#lost(error)
    if (this.#hasBegun) this.#takeUp.begin()
  }

  #lost(error: Error): void {
    this.#detach()
    if (!this.#hasBegun) return
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    if (this.#spec.transient) this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #deliver(batch: readonly AmqpDelivery[], life: number): void {
    // While it closes, what still comes stays unacknowledged and returns to its place with the consumer.
    if (life !== this.#life || this.#closing !== undefined) return
    const now = this.#context.runtime.now()
    const deliveries: QueueDelivery[] = []
    this.#idle.add(batch.length)
    this.#received += batch.length
    for (const each of batch) {
      const delivery = new QueueDelivery(each, 0, life)
      const { expiresAt } = each.message
      if (expiresAt === undefined || expiresAt > now) deliveries.push(delivery)
      else this.#expired(delivery)
    }
    if (deliveries.length > 0) this.#receive(deliveries)
  }

  #isKept({ message }: QueueDelivery): boolean {
    return isStored(this.#spec.group.channel) && !vanishesWhenExpired(message)
  }

  #expired(delivery: QueueDelivery): void {
    delivery.settled = true
    if (vanishesWhenExpired(delivery.message)) this.#ack(delivery)
    else this.#reject(delivery, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #reject(delivery: QueueDelivery, burial: Parameters<typeof deadLetterPublication>[2]): void {
    // A transient subscription leaves nothing behind, so there is nowhere to put it; its owner knows that it failed.
    if (this.#spec.transient) return this.#ack(delivery)
    const now = this.#context.runtime.now()
    this.#move(
      delivery,
      deadLetterPublication(delivery.message, this.#spec.group, burial, this.#topology.deadLetters, now),
    )
  }

  #move(delivery: QueueDelivery, publication: Publication): void {
    this.#moves.move(publication, (error) => {
      if (error === undefined) return this.#ack(delivery)
      this.#context.emit({
        type: 'error',
        error: new WaybillError(
          'WAYBILL_REFUSED',
          `${publication.routingKey} does not take message ${delivery.message.id}: it goes back to ${this.#queue}`,
          { cause: error },
        ),
      })
      this.#consumer?.requeue([delivery.tag])
      this.#idle.remove(1)
    })
  }

  #ack(delivery: QueueDelivery): void {
    this.#acks.push(delivery.tag)
    this.#idle.remove(1)
    if (this.#flushing) return
    this.#flushing = true
    this.#context.runtime.defer(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    // Deliveries may come, and be settled, before consume() has resolved.
    if (this.#acks.length === 0 || this.#consumer === undefined) return
    const tags = this.#acks
    this.#acks = []
    this.#consumer.ack(tags)
  }

  #newMoves(): ConfirmedMoves<Publication> {
    const { engine, runtime, declarer } = this.#context
    const repair = async (missing: readonly Publication[]): Promise<void> => {
      const names = new Set(missing.map(({ routingKey }) => routingKey))
      for (const queue of this.#topology.queues) if (names.has(queue.name)) await declarer.queue(queue)
    }
    return new ConfirmedMoves(engine, runtime, repair, queueOf)
  }
}
