import type { Deadlines } from '../../../runtime/deadlines.ts'
import { deadLetter, type Burial } from '../../../transport/dead-letter.ts'
import { Idle } from '../../../transport/idle.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { OrderedDelivery, type DeliveryOwner } from '../../../transport/ordered/ordered-delivery.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import { WakeUps } from '../../../transport/ordered/wake-ups.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import { text, type Connection, type Reply } from '../connection.ts'
import type { Context } from '../context.ts'
import { bodyOf, encodeAttributes } from '../message-mapping.ts'
import { retried, vanishesWhenExpired } from '../../../transport/settled-message.ts'
import type { ShardItem } from './shard-item.ts'
import { ShardQueue } from './shard-queue.ts'
import { againIn, itemIn, type Taken } from './take-over.ts'

type Entries = readonly (readonly [id: Reply, fields: Reply])[]

/** What `scripts/shard.ts` calls an entry that is done with. */
const DONE = { main: 'm', lane: 'l', again: 'g' } as const

export interface ShardParts {
  readonly context: Context
  readonly connection: Connection
  readonly group: Group
  readonly deadlines: Deadlines
  /** Most deliveries of the shard's stream in this process: a key's queue must not keep other keys out of sight. */
  readonly window: number
  /** Whether this member still counts: who has been silent for too long hands nothing out. */
  readonly isHeld: () => boolean
  readonly handOut: (delivery: OrderedDelivery<ShardItem>) => void
  /** It hands out no more: what has not reached the application will not. */
  readonly leaving: (owner: ShardOwner) => void
  /** There is room for more of the shard's stream. */
  readonly freed: () => void
  /** The shard is another's by now. */
  readonly fenced: (owner: ShardOwner) => void
  /** The shard cannot go on as it is. */
  readonly failed: (owner: ShardOwner, error: Error) => void
}

/** One shard, from the moment that this member has taken it until it has let go: its gate and its settlements. */
export class ShardOwner implements DeliveryOwner<ShardItem> {
  readonly shard: number
  readonly fencing: number
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #queue: ShardQueue
  readonly #idle: Idle
  readonly #wakes: WakeUps
  /** Of the shard's stream, and of what came back, here and not settled. */
  readonly #unsettled = new Set<ShardItem>()
  #againTo = '0-0'
  #shut = false
  #ended = false

  constructor(shard: number, { token, unsettled, lane }: Taken, parts: ShardParts) {
    const { context, connection, group } = parts
    const { runtime } = context
    this.shard = shard
    this.fencing = token
    this.#parts = parts
    this.#idle = new Idle(runtime)
    this.#wakes = new WakeUps(runtime, parts.deadlines, (key) => {
      if (!this.#ended) this.#gate.wake(key)
    })
    this.#queue = new ShardQueue(context, connection, group, this, {
      fenced: () => parts.fenced(this),
      failed: (error) => this.#fail(error),
    })
    this.#gate = new ShardGate<ShardItem>({
      now: () => runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => this.#release(item),
      copy: (entry) => this.#copy(entry),
      wakeAt: (key, due) => this.#wakes.at(key, due),
    })
    for (const arrival of lane) this.#gate.fromLane(arrival)
    for (const item of unsettled) this.#fromMain(item)
    // Its effects are carried out later: nobody knows of this owner yet.
    runtime.defer(() => {
      if (this.#shut) return
      this.#gate.openLane()
      this.#gate.openMain()
    })
  }

  /** From the beginning: its lane is known. */
  get isAssigned(): boolean {
    return !this.#ended
  }

  /** How much more of the shard's stream it takes. */
  get room(): number {
    return this.#shut ? 0 : Math.max(0, this.#parts.window - this.#unsettled.size)
  }

  /** Up to where it has what came back from the dead letters. */
  get againTo(): string {
    return this.#againTo
  }

  /** New entries of the shard's stream, in order, and what came back behind them. */
  take(entries: Entries, again: Entries): void {
    if (this.#ended) return
    for (const [id, fields] of entries) this.#fromMain(itemIn(id, fields, 1))
    for (const [id, fields] of again) {
      this.#againTo = text(id)
      this.#fromMain(againIn(id, fields))
    }
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

  /** Hands out no more, waits up to `graceMs` for what the application has, and until the server has heard of that. */
  async drain(graceMs: number): Promise<void> {
    this.#shut = true
    this.#gate.shut()
    this.#parts.leaving(this)
    await this.#idle.wait(graceMs)
    if (!this.#ended) await this.#queue.done()
  }

  /** The shard is not this member's any more. */
  end(): void {
    this.#shut = true
    this.#ended = true
    this.#gate.shut()
    this.#queue.end()
    this.#idle.reset()
  }

  #fromMain(item: ShardItem): void {
    const { message, from, id } = item
    this.#unsettled.add(item)
    // What came back is never taken for what is still here of the same message. One without a key is ordered among its like.
    this.#gate.fromMain(from === 'again' ? `again/${id}` : message.id, message.key ?? '', message.attempt, item)
  }

  #release(item: ShardItem): void {
    if (item.isMoved !== true) this.#queue.add(DONE[item.from], item.id)
    if (this.#unsettled.delete(item)) this.#parts.freed()
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate hands out what was delivered
    this.#idle.add(1)
    // It stays unsettled, and is the next owner's.
    if (!this.#parts.isHeld()) return
    const isWanted = item.from === 'again' || this.#parts.group.types?.includes(item.message.type) !== false
    if (!isWanted) this.#passBy(entry, item)
    else this.#handOn(entry, item)
  }

  /** Not for this group, unless another member, of a newer release, has asked for it. Its key waits for the answer. */
  #passBy(entry: GateEntry<ShardItem>, item: ShardItem): void {
    const answered = (wanted: Reply): void => {
      if (wanted === 1) this.#handOn(entry, item)
      else this.#done(entry)
    }
    this.#queue.ask(answered, 't', item.message.type)
  }

  #handOn(entry: GateEntry<ShardItem>, item: ShardItem): void {
    const { runtime } = this.#parts.context
    const { message, deliveryCount } = item
    const isExpired = message.expiresAt !== undefined && message.expiresAt <= runtime.now()
    // Places in the lane are not the channel's.
    const position = item.from === 'main' ? item.id : undefined
    if (!isExpired) this.#parts.handOut(new OrderedDelivery(entry, this, { message, deliveryCount, position }))
    else if (vanishesWhenExpired(message)) this.#done(entry)
    else this.#bury(entry, { reason: 'expired', detail: 'expired before it was handled' })
  }

  /** The dead letter and the end of the original are one batch. */
  #bury(entry: GateEntry<ShardItem>, burial: Burial): void {
    const { group, context } = this.#parts
    const { message } = entry.delivery as ShardItem // handed out
    const letter = deadLetter(message, group, burial, context.runtime.now())
    this.#queue.add('d', encodeAttributes(letter), bodyOf(letter))
    this.#done(entry)
  }

  #done(entry: GateEntry<ShardItem>): void {
    this.#gate.done(entry)
    this.#idle.remove(1)
  }

  #copy(entry: GateEntry<ShardItem>): void {
    const original = entry.delivery as ShardItem // the gate copies what was delivered
    const message = { ...original.message, attempt: entry.attempt }
    const { id, key, attempt, due } = entry
    const sequence = entry.sequence as number // a copy has its sequence
    this.#idle.add(1)
    const stored = (answer: Reply): void => {
      const delivery: ShardItem = { message, from: 'lane', id: text(answer), deliveryCount: 1 }
      this.#gate.fromLane({ id, key, sequence, attempt, due, delivery })
      this.#gate.copied(entry)
      this.#idle.remove(1)
    }
    const copy = ['c', sequence, Math.ceil(due), encodeAttributes(message), bodyOf(message)]
    if (original.from !== 'again') return this.#queue.ask(stored, ...copy)
    // In one with its original: nobody could tell later that they are the same.
    original.isMoved = true
    this.#queue.ask(stored, ...copy, DONE.again, original.id)
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#shut = true
    this.#gate.shut()
    this.#parts.failed(this, error)
  }
}
