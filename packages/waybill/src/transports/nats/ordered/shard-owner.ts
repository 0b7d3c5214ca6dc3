import type { Msg } from '@nats-io/transport-node'
import { asError } from '../../../message/as-error.ts'
import { WaybillError } from '../../../message/errors.ts'
import type { Deadlines } from '../../../runtime/deadlines.ts'
import type { Burial } from '../../../transport/dead-letter.ts'
import { Idle } from '../../../transport/idle.ts'
import type { GateEntry } from '../../../transport/ordered/key-queue.ts'
import { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import type { Group, Settlement } from '../../../transport/transport.ts'
import { nameToken } from '../name-token.ts'
import type { Context } from '../context.ts'
import { decodeMessage } from '../message-mapping.ts'
import { Moves } from '../moves.ts'
import { deliveryInfo } from '../nats-delivery.ts'
import type { Publication } from '../publisher.ts'
import { Puller } from '../puller.ts'
import { deadLetterPublication, retried } from '../settlement.ts'
import type { Wire } from '../wire.ts'
import { laneEntry, laneHeaders, markerIn } from './lane-message.ts'
import { OrderedDelivery, type DeliveryOwner, type ShardItem } from './ordered-delivery.ts'
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
  readonly handOut: (delivery: OrderedDelivery) => void
  /** The lane is known: it hands out from now on. */
  readonly assigned: (owner: ShardOwner) => void
  /** The shard cannot go on with its present consumers. */
  readonly failed: (owner: ShardOwner, error: Error) => void
}

/** Messages of the lane asked for at a time; all of it is held here, within the gate's own limit. */
const LANE_WINDOW = 512
/** What was acknowledged last may be counted a moment later by the server. */
const COUNTED_WITHIN_MS = 500
const COUNT_EVERY_MS = 20

/** One shard, from the moment that this member has taken it until it has let go: its consumers, its gate, its settlements. */
export class ShardOwner implements DeliveryOwner {
  readonly shard: number
  readonly token: number
  readonly taken: Taken
  handed = 0
  readonly #parts: ShardParts
  readonly #gate: ShardGate<ShardItem>
  readonly #moves: Moves
  readonly #idle: Idle
  readonly #wakes = new Map<string, number>()
  readonly #lane: Puller
  readonly #main: Puller
  /** Sequences of the main stream that are here and not settled, ascending. */
  readonly #unsettled = new Set<number>()
  #reached: number
  #isAssigned = false
  #shut = false
  #ended = false

  constructor(shard: number, taken: Taken, parts: ShardParts) {
    const { context, wire, group } = parts
    const { runtime } = context
    this.shard = shard
    this.token = taken.token
    this.taken = taken
    this.#parts = parts
    this.#reached = taken.record.next - 1
    this.#idle = new Idle(runtime)
    this.#moves = new Moves(wire.publisher, runtime, () => context.declarer.side(group.channel))
    this.#gate = new ShardGate<ShardItem>({
      now: () => runtime.now(),
      handOut: (entry) => this.#handOut(entry),
      release: (item) => this.#ack(item),
      copy: (entry) => this.#copy(entry),
      wakeAt: (key, due) => this.#wakeAt(key, due),
    })
    const lost = (error: Error): void => this.#fail(error)
    this.#lane = new Puller(wire.connection, wire.newInbox(), taken.lane, runtime, {
      message: (message) => this.#fromLane(message),
      freed: () => this.#ask(),
      lost,
    })
    this.#main = new Puller(wire.connection, wire.newInbox(), taken.main, runtime, {
      message: (message) => this.#fromMain(message),
      freed: () => this.#ask(),
      lost,
    })
    this.#ask()
  }

  /** It hands out, and has said so. */
  get isAssigned(): boolean {
    return !this.#ended && this.#isAssigned
  }

  /** The sequence before which all is settled, and behind which nothing is known to be. */
  get next(): number {
    for (const first of this.#unsettled) return first
    return this.#reached + 1
  }

  settle(delivery: OrderedDelivery, settlement: Settlement): void {
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
    this.#shut = true
    this.#gate.shut()
    await this.#idle.wait(graceMs)
    await this.#counted()
  }

  /** The consumers are void, and with them all that was delivered. */
  end(): void {
    this.#ended = true
    this.#shut = true
    this.#gate.shut()
    this.#moves.end()
    this.#lane.end()
    this.#main.end()
    this.#idle.reset()
  }

  /** Who comes next asks how far we were: what was settled should not come again. */
  async #counted(): Promise<void> {
    const { wire, context } = this.#parts
    const until = context.runtime.monotonic() + COUNTED_WITHIN_MS
    while (!this.#ended && context.runtime.monotonic() < until) {
      const { stream, consumer } = this.taken.main
      const info = await wire.api.consumer(stream, consumer)
      if (info === undefined || info.num_ack_pending <= this.#unsettled.size) return
      await new Promise<void>((resolve) => void context.runtime.setTimer(COUNT_EVERY_MS, resolve))
    }
  }

  #ask(): void {
    if (this.#shut) return
    if (this.#lane.asked < LANE_WINDOW / 2) this.#lane.pull(LANE_WINDOW - this.#lane.asked)
    // Nothing new before the lane is known: it may hold what comes before it.
    if (!this.#isAssigned) return
    const room = this.#parts.window - this.#unsettled.size - this.#main.asked
    if (room > 0 && (this.#main.asked === 0 || room * 2 >= this.#parts.window)) this.#main.pull(room)
  }

  #fromMain(message: Msg): void {
    if (this.#ended) return
    const decoded = decodeMessage(message.headers, message.data)
    const { streamSequence, deliveryCount } = deliveryInfo(message.reply ?? '')
    this.#unsettled.add(streamSequence)
    this.#reached = Math.max(this.#reached, streamSequence)
    const item: ShardItem = {
      message: decoded,
      from: 'main',
      sequence: streamSequence,
      reply: message.reply ?? '',
      deliveryCount: deliveryCount + this.#earlier(streamSequence),
    }
    // A message without a key is ordered among its like.
    this.#gate.fromMain(decoded.id, decoded.key ?? '', decoded.attempt, item)
    this.#ask()
  }

  /** How many former owners had it when they were gone. */
  #earlier(sequence: number): number {
    let count = 0
    for (const [from, to] of this.taken.record.unsettled) if (sequence > from && sequence <= to) count++
    return count
  }

  #fromLane(message: Msg): void {
    if (this.#ended) return
    const { streamSequence, deliveryCount } = deliveryInfo(message.reply ?? '')
    const reply = message.reply ?? ''
    const marker = markerIn(message.headers)
    const owner = Number(message.subject.slice(message.subject.lastIndexOf('.') + 1))
    if (marker !== undefined) {
      this.#publish(reply)
      // Who is leaving takes nothing over any more.
      if (marker === this.token && !this.#shut) this.#known()
    } else if (owner !== this.token && this.#isAssigned) {
      // Too late: what a former owner copied is still where it was.
      this.#publish(reply)
    } else {
      const decoded = decodeMessage(message.headers, message.data)
      const { sequence, due } = laneEntry(message.headers)
      const delivery: ShardItem = {
        message: decoded,
        from: 'lane',
        sequence: streamSequence,
        reply,
        deliveryCount: owner === this.token ? deliveryCount : undefined,
      }
      const { id, key = '', attempt } = decoded
      this.#gate.fromLane({ id, key, sequence, attempt, due, delivery })
    }
    this.#ask()
  }

  /** The marker has come back: all that former owners put into the lane has been seen. */
  #known(): void {
    if (this.#isAssigned) return
    this.#isAssigned = true
    this.#parts.assigned(this)
    this.#gate.openLane()
    this.#gate.openMain()
  }

  #handOut(entry: GateEntry<ShardItem>): void {
    const item = entry.delivery as ShardItem // the gate hands out what was delivered
    this.#idle.add(1)
    // It stays with its consumer, which goes with the lease.
    if (!this.#parts.isHeld()) return
    if (this.#parts.group.types?.includes(item.message.type) === false) void this.#passBy(entry, item)
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
    const { expiresAt } = item.message
    if (expiresAt === undefined || expiresAt > runtime.now())
      this.#parts.handOut(new OrderedDelivery(entry, item, this))
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
    const { message } = entry.delivery as ShardItem // the gate copies what was delivered
    const { group, context } = this.#parts
    const sequence = entry.sequence as number // a copy has its sequence
    this.#idle.add(1)
    const publication: Publication = {
      subject: context.names.lane(group, this.shard, this.token),
      message: { ...message, attempt: entry.attempt },
      to: 'stream',
      messageId: `lane/${nameToken(group.name)}/${this.shard}/${this.token}/${sequence}/${entry.attempt}`,
      more: laneHeaders(sequence, entry.due),
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

  #ack(item: ShardItem): void {
    if (item.from === 'main') this.#unsettled.delete(item.sequence)
    this.#publish(item.reply)
    if (item.from === 'main') this.#ask()
  }

  #publish(reply: string): void {
    const { connection } = this.#parts.wire
    if (!connection.isClosed()) connection.publish(reply)
  }

  #wakeAt(key: string, due: number): void {
    if (this.#wakes.get(key) === due) return
    this.#wakes.set(key, due)
    this.#parts.deadlines.add(due - this.#parts.context.runtime.now(), () => {
      if (this.#ended) return
      if (this.#wakes.get(key) === due) this.#wakes.delete(key)
      this.#gate.wake(key)
    })
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#gate.shut()
    this.#parts.failed(this, asError(error))
  }
}
