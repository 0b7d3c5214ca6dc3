import { WaybillError } from '../../../message/errors.ts'
import type { Deadlines } from '../../../runtime/deadlines.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { OrderedDelivery, type DeliveryOwner } from '../../../transport/ordered/ordered-delivery.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import { WakeUps } from '../../../transport/ordered/wake-ups.ts'
import { TakeOver } from '../../../transport/ordered/take-over.ts'
import { ConfirmedMoves } from '../../../transport/confirmed-moves.ts'
import type { Burial } from '../../../transport/dead-letter.ts'
import { queueOf, type AmqpConsumer, type AmqpDelivery, type Publication } from '../engine.ts'
import { Idle } from '../../../transport/idle.ts'
import { retried } from '../../../transport/settled-message.ts'
import { deadLetterPublication } from '../settlement.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import type { GroupTopology } from '../topology.ts'
import { fromLane, markerIn, markerMessage, tokenIn, tokenMessage, toLane } from './lane-message.ts'
import { ShardConsumers } from './shard-consumers.ts'
import type { ShardItem } from './shard-item.ts'

export interface ShardParts {
  readonly context: SubscriptionContext
  readonly group: Group
  readonly topology: GroupTopology
  readonly deadlines: Deadlines
  /** Most deliveries of the main queue in this process: a key's queue must not keep other keys out of sight. */
  readonly window: number
  /** An owner holds its token unsettled; longer than this, the broker might take it back. */
  readonly renewEveryMs: number
  readonly handOut: (delivery: OrderedDelivery<ShardItem>) => void
  /** The lane is ours. */
  readonly assigned: (owner: ShardOwner) => void
  /** The shard cannot go on with its present consumers. */
  readonly failed: (owner: ShardOwner, error: Error) => void
}

/** Of the lane: its entries are held in memory, and bounded by the gate. */
const UNLIMITED = 0

/** One shard, from the moment that this member wants it until it has let go: its consumers, its gate, its settlements. */
export class ShardOwner implements DeliveryOwner<ShardItem> {
  readonly shard: number
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #takeOver: TakeOver<ShardItem>
  readonly #moves: ConfirmedMoves<Publication>
  readonly #idle: Idle
  readonly #wakes: WakeUps
  readonly #lane: string
  readonly #consumers: ShardConsumers
  #leaving = false
  #ended = false

  constructor(shard: number, parts: ShardParts) {
    const { context, topology } = parts
    this.shard = shard
    this.#parts = parts
    const main = topology.sources[shard] as string // below channel.shards
    this.#lane = topology.lanes[shard] as string
    this.#consumers = new ShardConsumers({ main, lane: this.#lane }, context, {
      deliver: (batch, from) => this.#deliver(batch, from),
      failed: (error) => this.#fail(error),
    })
    this.#idle = new Idle(context.runtime)
    this.#wakes = new WakeUps(context.runtime, parts.deadlines, (key) => {
      if (!this.#ended) this.#gate.wake(key)
    })
    this.#moves = new ConfirmedMoves(context.engine, context.runtime, () => context.declarer.declare(topology), queueOf)
    this.#gate = new ShardGate<ShardItem>({
      now: () => context.runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => this.#consumers.ack(item),
      copy: (entry) => this.#copy(entry),
      wakeAt: (key, due) => this.#wakes.at(key, due),
    })
    this.#takeOver = new TakeOver<ShardItem>(context.runtime.newId(), {
      now: () => context.runtime.now(),
      mark: (marker) => this.#publish(toQueue(this.#lane, markerMessage(marker, context.runtime.now()))),
      claim: (token) => this.#publish(toQueue(this.#lane, tokenMessage(token, context.runtime.now()))),
      release: (item) => this.#consumers.ack(item),
      superseded: () =>
        this.#fail(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `another member has taken shard ${shard} over`)),
      consumeMain: () => void this.#consumers.consume('main', parts.window),
      openLane: () => {
        this.#renewLater()
        this.#parts.assigned(this)
        this.#gate.openLane()
      },
      openMain: () => this.#gate.openMain(),
    })
  }

  /** Whether the lane has been proved ours. */
  get isAssigned(): boolean {
    return !this.#ended && this.fencing > 0
  }

  /** Messages here that nobody has settled. */
  get held(): number {
    return this.#gate.length
  }

  get fencing(): number {
    return this.#takeOver.token
  }

  /** Resolves when it stands in line for the shard. */
  async start(): Promise<void> {
    await this.#consumers.consume('lane', UNLIMITED)
    this.probe()
  }

  /** Asks again whether the lane is ours; harmless when it is. */
  probe(): void {
    if (!this.#ended && this.#consumers.has('lane')) this.#takeOver.probe()
  }

  /** Whether the broker counts its consumers. Rejects while the link is down. */
  isCounted(): Promise<boolean> {
    return this.#consumers.areCounted()
  }

  /** Fails where the broker has lost a consumer. */
  async check(): Promise<void> {
    const queue = await this.#consumers.lost()
    if (queue !== undefined) this.#fail(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `${queue} has lost its consumer`))
  }

  settle(delivery: OrderedDelivery<ShardItem>, settlement: Settlement): void {
    if (this.#ended) return
    const { entry } = delivery
    if (settlement.action === 'ack') this.#done(entry)
    else if (settlement.action === 'retry') {
      const item = entry.delivery as ShardItem // handed out, so it stands for a delivery
      item.message = retried(settlement)
      this.#gate.retry(entry, settlement.attempt, this.#parts.context.runtime.now() + Math.max(0, settlement.afterMs))
      this.#idle.remove(1)
    } else this.#bury(entry, settlement)
  }

  forget(): void {
    this.#idle.remove(1)
  }

  /**
   * Hands out no more, waits up to `graceMs` for what the application has, then lets go: of the main queue first, so
   * that who has the lane next knows that nothing more comes into it.
   */
  async release(graceMs: number): Promise<void> {
    this.#leaving = true
    this.#gate.shut()
    await this.#idle.wait(graceMs)
    this.#consumers.flush()
    for (const consumer of this.end()) await consumer.close()
  }

  /**
   * All that was delivered is void.
   *
   * @returns the consumers: to be closed, unless they are gone with the link
   */
  end(): readonly AmqpConsumer[] {
    this.#ended = true
    this.#leaving = true
    this.#gate.shut()
    this.#moves.end()
    this.#idle.reset()
    return this.#consumers.end()
  }

  #deliver(batch: readonly AmqpDelivery[], from: ShardItem['from']): void {
    if (this.#ended) return
    for (const amqp of batch) {
      const { message } = amqp
      // A message without a key is ordered among its like.
      const key = message.key ?? ''
      if (from === 'main') {
        this.#gate.fromMain(message.id, key, message.attempt, { message, from, amqp })
        this.#takeOver.sawMain()
        continue
      }
      const token = tokenIn(message)
      if (token !== undefined) {
        // Who is leaving lets it lie there, for who comes.
        if (!this.#leaving) this.#takeOver.sawToken(token, amqp.redelivered, { message, from, amqp })
        continue
      }
      const marker = markerIn(message)
      if (marker === undefined) {
        const { message: original, sequence, due } = fromLane(message)
        const delivery: ShardItem = { message: original, from, amqp }
        this.#gate.fromLane({ id: message.id, key, sequence, attempt: message.attempt, due, delivery })
      } else {
        this.#consumers.ack({ message, from, amqp })
        // Who is leaving takes nothing over any more, and so never says that it owns what another is about to get.
        if (!this.#leaving) this.#takeOver.sawMarker(marker)
      }
    }
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const { message, amqp } = entry.delivery as ShardItem // the gate hands out what was delivered
    const { redelivered, deliveryCount } = amqp
    const { runtime } = this.#parts.context
    this.#idle.add(1)
    if (message.expiresAt === undefined || message.expiresAt > runtime.now())
      this.#parts.handOut(new OrderedDelivery(entry, this, { message, redelivered, deliveryCount }))
    else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const { group, topology, context } = this.#parts
    const { message } = entry.delivery as ShardItem // handed out
    this.#gate.burying(entry)
    this.#publish(deadLetterPublication(message, group, burial, topology.deadLetters, context.runtime.now()), () =>
      this.#done(entry),
    )
  }

  #done(entry: GateEntry<ShardItem>): void {
    this.#gate.done(entry)
    this.#idle.remove(1)
  }

  #copy(entry: GateEntry<ShardItem>): void {
    const { message } = entry.delivery as ShardItem // the gate copies what was delivered
    this.#idle.add(1)
    const copy = toLane(message, entry.sequence as number, entry.due, entry.attempt) // a copy has its sequence
    this.#publish(toQueue(this.#lane, copy), () => {
      this.#gate.copied(entry)
      this.#idle.remove(1)
    })
  }

  #publish(publication: Publication, done: () => void = () => undefined): void {
    this.#moves.move(publication, (error) => {
      if (error === undefined) return done()
      // Whatever it was about is still where it was; only a fresh start can tell in which order to go on.
      const what = `${publication.routingKey} does not take a message of shard ${this.shard}`
      this.#fail(new WaybillError('WAYBILL_REFUSED', what, { cause: error }))
    })
  }

  #renewLater(): void {
    const { renewEveryMs, deadlines } = this.#parts
    if (renewEveryMs === Infinity) return
    deadlines.add(renewEveryMs, () => {
      if (this.#ended) return
      this.#takeOver.renew()
      this.#renewLater()
    })
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#gate.shut()
    this.#parts.failed(this, error)
  }
}

function toQueue(queue: string, message: Publication['message']): Publication {
  return { exchange: '', routingKey: queue, message, mandatory: true, persistent: true }
}
