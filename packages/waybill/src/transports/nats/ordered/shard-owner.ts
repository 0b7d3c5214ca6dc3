import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type { Deadlines } from '../../../runtime/deadlines.ts'
import { ConfirmedMoves } from '../../../transport/confirmed-moves.ts'
import type { Burial } from '../../../transport/dead-letter.ts'
import { Idle } from '../../../transport/idle.ts'
import { gateId } from '../../../transport/ordered/gate-id.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { OrderedDelivery, type DeliveryOwner } from '../../../transport/ordered/ordered-delivery.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import { WakeUps } from '../../../transport/ordered/wake-ups.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import { nameToken } from '../name-token.ts'
import type { Context } from '../context.ts'
import { subjectOf, type Publication } from '../publisher.ts'
import { retried } from '../../../transport/settled-message.ts'
import { deadLetterPublication } from '../settlement.ts'
import type { Wire } from '../wire.ts'
import { laneHeaders } from './lane-message.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardFeed } from './shard-feed.ts'
import type { Taken } from './take-over.ts'

export interface ShardParts {
  readonly context: Context
  readonly wire: Wire
  readonly group: Group
  readonly deadlines: Deadlines
  /** Most deliveries of the main stream in this process: a key's queue must not keep other keys out of sight. */
  readonly window: number
  /** Whether this member still counts: who has been silent for too long hands nothing out. */
  readonly isHeld: () => boolean
  readonly handOut: (delivery: OrderedDelivery<ShardItem>) => void
  /** It hands out no more: what has not reached the application will not. */
  readonly leaving: (owner: ShardOwner) => void
  /** The lane is known: it hands out from now on. */
  readonly assigned: (owner: ShardOwner) => void
  /** The shard cannot go on with its present consumers. */
  readonly failed: (owner: ShardOwner, error: Error) => void
}

/** One shard, from the moment that this member has taken it until it has let go: its consumers, its gate, its settlements. */
export class ShardOwner implements DeliveryOwner<ShardItem> {
  readonly shard: number
  readonly fencing: number
  readonly taken: Taken
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #moves: ConfirmedMoves<Publication>
  readonly #idle: Idle
  readonly #wakes: WakeUps
  readonly #feed: ShardFeed
  #ended = false

  constructor(shard: number, taken: Taken, parts: ShardParts) {
    const { context, wire, group } = parts
    const { runtime } = context
    this.shard = shard
    this.fencing = taken.token
    this.taken = taken
    this.#parts = parts
    this.#idle = new Idle(runtime)
    this.#wakes = new WakeUps(runtime, parts.deadlines, (key) => {
      if (!this.#ended) this.#gate.wake(key)
    })
    this.#moves = new ConfirmedMoves(wire.publisher, runtime, () => context.declarer.side(group.channel), subjectOf)
    this.#gate = new ShardGate<ShardItem>({
      now: () => runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => this.#feed.settle(item),
      copy: (entry) => this.#copy(entry),
      wakeAt: (key, due) => this.#wakes.at(key, due),
    })
    this.#feed = new ShardFeed(context, wire, taken, parts.window, {
      // A message without a key is ordered among its like.
      fromMain: (item) => {
        const { id, key = '', attempt } = item.message
        this.#gate.fromMain(gateId(id, item.again), key, attempt, item)
      },
      fromLane: (arrival) => this.#gate.fromLane(arrival),
      laneKnown: () => {
        this.#parts.assigned(this)
        this.#gate.openLane()
        this.#gate.openMain()
      },
      lost: (error) => this.#fail(error),
    })
  }

  /** It hands out, and has said so. */
  get isAssigned(): boolean {
    return !this.#ended && this.#feed.isKnown
  }

  /** As its next owner should find it. */
  get progress(): ShardFeed['progress'] {
    return this.#feed.progress
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

  /** Hands out no more, waits up to `graceMs` for what the application has, and until the server has counted that. */
  async drain(graceMs: number): Promise<void> {
    this.#feed.shut()
    this.#gate.shut()
    this.#parts.leaving(this)
    await this.#idle.wait(graceMs)
    if (!this.#ended) await this.#feed.counted()
  }

  /** The consumers are void, and with them all that was delivered. */
  end(): void {
    this.#ended = true
    this.#gate.shut()
    this.#moves.end()
    this.#feed.end()
    this.#idle.reset()
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate hands out what was delivered
    this.#idle.add(1)
    // It stays with its consumer, which goes with the lease.
    if (!this.#parts.isHeld()) return
    const isWanted = item.again !== undefined || this.#parts.group.types?.includes(item.message.type) !== false
    if (!isWanted) void this.#passBy(entry, item)
    else this.#handOn(entry, item)
  }

  /** Not for this group, unless another member, of a newer release, has asked for it. Its key waits for the answer. */
  async #passBy(entry: GateEntry<ShardItem>, item: ShardItem): Promise<void> {
    try {
      const types = await this.#parts.context.declarer.types.read(this.#parts.group)
      if (this.#ended) return
      if (types?.has(item.message.type) === false) this.#done(entry)
      else this.#handOn(entry, item)
    } catch (error) {
      this.#fail(error)
    }
  }

  #handOn(entry: GateEntry<ShardItem>, item: ShardItem): void {
    const { runtime } = this.#parts.context
    const { message, deliveryCount } = item
    const isExpired = message.expiresAt !== undefined && message.expiresAt <= runtime.now()
    // Places in the lane are not the channel's.
    const position = item.from === 'main' ? String(item.sequence) : undefined
    if (!isExpired) this.#parts.handOut(new OrderedDelivery(entry, this, { message, deliveryCount, position }))
    else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const { group, context } = this.#parts
    const { message, from: of, sequence } = entry.delivery as ShardItem // handed out
    const { names, runtime } = context
    this.#move(deadLetterPublication(message, group, burial, { of, sequence }, names, runtime.now()), () =>
      this.#done(entry),
    )
  }

  #done(entry: GateEntry<ShardItem>): void {
    this.#gate.done(entry)
    this.#idle.remove(1)
  }

  #copy(entry: GateEntry<ShardItem>): void {
    const { message, from, again, sequence: place } = entry.delivery as ShardItem // the gate copies what was delivered
    const { group, context } = this.#parts
    const sequence = entry.sequence as number // a copy has its sequence
    // With its original's place: one that is put off again has the sequence and the attempt of the copy before it, which
    // the server would take it for, within its window for duplicates.
    const lane = `lane/${nameToken(group.name)}/${this.shard}/${this.fencing}`
    this.#idle.add(1)
    const publication: Publication = {
      subject: context.names.lane(group, this.shard, this.fencing),
      message: { ...message, attempt: entry.attempt },
      to: 'stream',
      messageId: `${lane}/${sequence}/${entry.attempt}/${from}/${place}`,
      more: laneHeaders({ sequence, due: entry.due, again }),
    }
    this.#move(publication, () => {
      this.#gate.copied(entry)
      this.#idle.remove(1)
    })
  }

  #move(publication: Publication, done: () => void): void {
    this.#moves.move(publication, (error) => {
      if (error === undefined) return done()
      // Whatever it was about is still where it was; only a fresh start can tell in which order to go on.
      const what = `${publication.subject} does not take a message of shard ${this.shard}`
      this.#fail(new WaybillError('WAYBILL_REFUSED', what, { cause: error }))
    })
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#gate.shut()
    this.#parts.failed(this, asError(error))
  }
}
