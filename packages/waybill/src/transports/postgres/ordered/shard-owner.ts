import { asError } from '../../../message/as-error.ts'
import type { Deadlines } from '../../../runtime/deadlines.ts'
import { deadLetter, type Burial } from '../../../transport/dead-letter.ts'
import { Idle } from '../../../transport/idle.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { OrderedDelivery, type DeliveryOwner } from '../../../transport/ordered/ordered-delivery.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import { WakeUps } from '../../../transport/ordered/wake-ups.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import type { Context } from '../context.ts'
import { headOf } from '../../../message/stored-message.ts'
import { retried, vanishesWhenExpired } from '../../../transport/settled-message.ts'
import type { Wire } from '../wire.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardFeed, type Suspicion } from './shard-feed.ts'
import { ShardWriter } from './shard-writer.ts'

export interface ShardParts {
  readonly context: Context
  readonly wire: Wire
  readonly group: Group
  readonly groupId: number
  readonly deadlines: Deadlines
  /** Most messages of the main queue in this process: a key's queue must not keep other keys out of sight. */
  readonly window: number
  readonly handOut: (delivery: OrderedDelivery<ShardItem>) => void
  /** It hands out no more: what has not reached the application will not. */
  readonly leaving: (owner: ShardOwner) => void
  /** The lane is known: it hands out from now on. */
  readonly assigned: (owner: ShardOwner) => void
  /** The member cannot go on. */
  readonly failed: (error: Error) => void
}

/**
 * One shard, from the moment that this member has taken it until it has let go. A message stays one row, in the main queue or
 * in the lane, and keeps its id; so what a new owner reads is all there is, and nothing has to be recognised.
 */
export class ShardOwner implements DeliveryOwner<ShardItem> {
  readonly shard: number
  readonly fencing: number
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #writer: ShardWriter
  readonly #feed: ShardFeed
  readonly #idle: Idle
  readonly #wakes: WakeUps
  #isAssigned = false
  #isLeaving = false
  #ended = false

  /** @param suspicion what the former owner may have handed out */
  constructor(shard: number, token: number, suspicion: Suspicion | undefined, parts: ShardParts) {
    const { context, wire, groupId } = parts
    const { runtime, sql } = context
    this.shard = shard
    this.fencing = token
    this.#parts = parts
    this.#idle = new Idle(runtime)
    this.#wakes = new WakeUps(runtime, parts.deadlines, (key) => {
      if (!this.#ended) this.#gate.wake(key)
    })
    this.#writer = new ShardWriter(wire, sql, runtime, [groupId, shard, token], {
      gone: (ids) => this.#feed.gone(...ids),
      failed: (error) => this.#fail(error),
    })
    this.#gate = new ShardGate<ShardItem>({
      now: () => runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => {
        if (!item.isMoved) this.#writer.ack(item.id)
      },
      copy: (entry) => this.#toLane(entry),
      wakeAt: (key, due) => this.#wakes.at(key, due),
    })
    this.#feed = new ShardFeed(context, wire, groupId, shard, parts.window, suspicion, {
      fromLane: (arrival) => this.#gate.fromLane(arrival),
      laneKnown: () => {
        this.#isAssigned = true
        parts.assigned(this)
        this.#gate.openLane()
        this.#gate.openMain()
      },
      // A message without a key is ordered among its like.
      fromMain: (item) => this.#gate.fromMain(String(item.id), item.message.key ?? '', item.message.attempt, item),
      failed: (error) => this.#fail(error),
    })
  }

  /** It hands out, and has said so. */
  get isAssigned(): boolean {
    return !this.#ended && this.#isAssigned
  }

  /** There may be something new. */
  look(): void {
    this.#feed.look()
  }

  settle({ entry }: OrderedDelivery<ShardItem>, settlement: Settlement): void {
    if (this.#ended) return
    this.#idle.remove(1)
    if (settlement.action === 'ack') this.#gate.done(entry)
    else if (settlement.action === 'retry') {
      const item = entry.delivery as ShardItem // handed out, so it stands for a row
      item.message = retried(settlement)
      this.#gate.retry(entry, settlement.attempt, this.#parts.context.runtime.now() + Math.max(0, settlement.afterMs))
    } else this.#bury(entry, settlement)
  }

  forget(): void {
    this.#idle.remove(1)
  }

  /** Hands out no more, waits up to `graceMs` for what the application has, and until that is written. */
  async drain(graceMs: number): Promise<void> {
    this.#isLeaving = true
    const looked = this.#feed.end()
    this.#gate.shut()
    this.#parts.leaving(this)
    await looked
    await this.#idle.wait(graceMs)
    if (!this.#ended) await this.#writer.written()
  }

  end(): void {
    this.#ended = true
    this.#gate.shut()
    this.#writer.end()
    void this.#feed.end()
    this.#idle.reset()
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const { context, handOut } = this.#parts
    if (this.#ended) return
    // What a member that no longer counts still has is another's by now.
    if (!context.leases.isHeld) return this.#fail(new Error('the lease was not renewed in time'))
    const item = entry.delivery as ShardItem // the gate hands out what was read
    const { expiresAt } = item.message
    if (expiresAt === undefined || expiresAt > context.runtime.now()) {
      this.#idle.add(1)
      return item.isSuspect ? this.#countFirst(entry, item) : handOut(new OrderedDelivery(entry, this, item))
    }
    if (vanishesWhenExpired(item.message)) context.runtime.defer(() => this.#gate.done(entry))
    else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  /** Its first delivery was not counted: that it was one is known by now alone. */
  #countFirst(entry: GateEntry<ShardItem>, item: ShardItem): void {
    this.#writer.count({
      id: item.id,
      done: (count) => {
        item.deliveryCount = count + 1
        const isHeld = this.#parts.context.leases.isHeld
        if (isHeld && !this.#isLeaving) return this.#parts.handOut(new OrderedDelivery(entry, this, item))
        this.#idle.remove(1)
        if (!isHeld) this.#fail(new Error('the lease was not renewed in time'))
      },
    })
  }

  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const item = entry.delivery as ShardItem // handed out
    const letter = deadLetter(item.message, this.#parts.group, burial, this.#parts.context.runtime.now())
    this.#writer.bury({
      id: item.id,
      head: headOf(letter),
      done: () => {
        item.isMoved = true
        this.#gate.done(entry)
        this.#feed.gone(item.id)
      },
    })
  }

  /** The row goes to the lane, or stays there as its next attempt: what the gate calls a copy. */
  #toLane(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate copies what was read
    const { id, key, attempt, due } = entry
    const sequence = entry.sequence as number // a copy has its sequence
    const message = { ...item.message, attempt }
    this.#writer.lane({
      id: item.id,
      lane: sequence,
      // What has none is of the main queue.
      due: Math.max(1, Math.ceil(due)),
      head: headOf(message),
      done: () => {
        item.isMoved = true
        const moved: ShardItem = { ...item, message, isSuspect: false, deliveryCount: 1, isMoved: false }
        this.#gate.fromLane({ id, key, sequence, attempt, due, delivery: moved })
        this.#gate.copied(entry)
        this.#feed.gone(item.id)
      },
    })
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#gate.shut()
    this.#parts.failed(asError(error))
  }
}
