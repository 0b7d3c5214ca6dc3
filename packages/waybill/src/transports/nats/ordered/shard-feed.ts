import type { Msg } from '@nats-io/transport-node'
import { gateId } from '../../../transport/ordered/gate-id.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import type { LaneArrival } from '../../../transport/ordered/shard-gate.ts'
import type { Context } from '../context.ts'
import { decodeMessage } from '../message-mapping.ts'
import { deliveryInfo } from '../nats-delivery.ts'
import { Puller } from '../puller.ts'
import type { Wire } from '../wire.ts'
import { afterIn, laneEntry, markerIn } from './lane-message.ts'
import type { ShardItem } from './shard-item.ts'
import type { ShardRecord } from './shard-record.ts'
import type { Taken } from './take-over.ts'

/** Messages of the lane asked for at a time; all of it is held by the owner, within the gate's own limit. */
const LANE_WINDOW = 512
/** What was acknowledged last may be counted a moment later by the server. */
const COUNTED_WITHIN_MS = 500
const COUNT_EVERY_MS = 20
/** What came back waits for what the shard had before it; should that not come, it is looked at so often. */
const LOOK_EVERY_MS = 250

export interface FeedEvents {
  fromMain(item: ShardItem): void
  fromLane(arrival: LaneArrival<ShardItem>): void
  /** All that former owners put into the lane has come; the main stream is asked from now on. */
  laneKnown(): void
  lost(error: Error): void
}

/** What a shard's consumers hand to their owner, and what goes back to them. */
export class ShardFeed {
  readonly #context: Context
  readonly #wire: Wire
  readonly #taken: Taken
  readonly #window: number
  readonly #events: FeedEvents
  readonly #lane: Puller
  readonly #main: Puller
  readonly #again: Puller
  /** Sequences of the main stream that are here and not settled, ascending. */
  readonly #unsettled = new Set<number>()
  /** Of what came back, likewise. */
  readonly #unsettledAgain = new Set<number>()
  /** Of these, what waits for messages of the main stream that have not come; at most a window. */
  readonly #held: Msg[] = []
  #looking: Timer | undefined
  #reached: number
  #isKnown = false
  #shut = false

  /** @param window most deliveries of the main stream here at a time */
  constructor(context: Context, wire: Wire, taken: Taken, window: number, events: FeedEvents) {
    const { runtime } = context
    this.#context = context
    this.#wire = wire
    this.#taken = taken
    this.#window = window
    this.#events = events
    this.#reached = taken.record.next - 1
    const puller = (target: Taken['main'], message: (message: Msg) => void): Puller =>
      new Puller(wire.connection, wire.newInbox(), target, runtime, {
        message,
        freed: () => this.#ask(),
        lost: (error) => events.lost(error),
      })
    this.#lane = puller(taken.lane, (message) => this.#fromLane(message))
    this.#main = puller(taken.main, (message) => this.#fromMain(message))
    this.#again = puller(taken.again, (message) => this.#fromAgain(message))
    this.#ask()
  }

  /** The lane has been read up to the marker of this owner. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** What is to be known by who comes next: where to begin, and what from there on is settled. */
  get progress(): Pick<ShardRecord, 'next' | 'left'> {
    // What was left to this owner, and it has not come to.
    const { to = 0, sequences = [] } = this.#taken.record.left ?? {}
    const left = [...this.#unsettled, ...sequences.filter((each) => each > this.#reached)]
    const [next = Math.max(to, this.#reached) + 1] = left
    return left.length === 0 ? { next } : { next, left: { to: Math.max(to, this.#reached), sequences: left } }
  }

  /** Nothing more is needed of it. */
  settle(item: ShardItem): void {
    this.#say(item.reply)
    if (item.from === 'lane') return
    ;(item.from === 'again' ? this.#unsettledAgain : this.#unsettled).delete(item.sequence)
    this.#ask()
  }

  /** Asks for nothing more. What still comes stays unsettled, and is its next owner's. */
  shut(): void {
    this.#shut = true
  }

  /** Who comes next asks how far we were: what was settled should not come again. */
  async counted(): Promise<void> {
    const { runtime } = this.#context
    const { stream, consumer } = this.#taken.main
    const until = runtime.monotonic() + COUNTED_WITHIN_MS
    while (runtime.monotonic() < until) {
      const info = await this.#wire.api.consumer(stream, consumer)
      if (info === undefined || info.num_ack_pending <= this.#unsettled.size) return
      await new Promise<void>((resolve) => void runtime.setTimer(COUNT_EVERY_MS, resolve))
    }
  }

  end(): void {
    this.#shut = true
    this.#lane.end()
    this.#main.end()
    this.#again.end()
    this.#looking?.cancel()
  }

  #ask(): void {
    if (this.#shut) return
    if (this.#lane.asked < LANE_WINDOW / 2) this.#lane.pull(LANE_WINDOW - this.#lane.asked)
    // Nothing new before the lane is known: it may hold what comes before it.
    if (!this.#isKnown) return
    this.#fill(this.#main, this.#unsettled.size)
    this.#fill(this.#again, this.#unsettledAgain.size)
  }

  #fill(puller: Puller, unsettled: number): void {
    const room = this.#window - unsettled - puller.asked
    if (room > 0 && (puller.asked === 0 || room * 2 >= this.#window)) puller.pull(room)
  }

  #fromMain(from: Msg): void {
    const reply = from.reply ?? ''
    const { streamSequence: sequence, deliveryCount } = deliveryInfo(reply)
    this.#reached = Math.max(this.#reached, sequence)
    if (this.#isSettled(sequence)) {
      this.#say(reply)
      return this.#ask()
    }
    this.#unsettled.add(sequence)
    const message = decodeMessage(from.headers, from.data)
    const count = deliveryCount + this.#earlier(sequence)
    this.#events.fromMain({ message, from: 'main', sequence, reply, deliveryCount: count })
    this.#admit(false)
    this.#ask()
  }

  /** Stays in the work queue until it is settled; how often former owners had it, nobody has counted. */
  #fromAgain(from: Msg): void {
    this.#unsettledAgain.add(deliveryInfo(from.reply ?? '').streamSequence)
    this.#held.push(from)
    this.#admit(false)
    this.#ask()
  }

  /** @param isAll whether all that the main stream has for the shard has come, whatever was there once */
  #admit(isAll: boolean): void {
    while (this.#held.length > 0 && (isAll || afterIn(this.#held[0]?.headers) <= this.#reached)) {
      const from = this.#held.shift() as Msg // there is one
      const reply = from.reply ?? ''
      const { streamSequence: sequence } = deliveryInfo(reply)
      const message = decodeMessage(from.headers, from.data)
      this.#events.fromMain({ message, from: 'again', sequence, reply, deliveryCount: undefined, again: sequence })
    }
    if (this.#held.length > 0 && !this.#shut)
      this.#looking ??= this.#context.runtime.setTimer(LOOK_EVERY_MS, () => void this.#lookForAll())
  }

  /** What it waits for may have been settled, or deleted, before this owner came. */
  async #lookForAll(): Promise<void> {
    const { stream, consumer } = this.#taken.main
    const info = await this.#wire.api.consumer(stream, consumer).catch(() => undefined) // a link that is lost says so itself
    this.#looking = undefined
    if (this.#shut) return
    this.#admit(info !== undefined && info.num_pending === 0 && info.delivered.stream_seq <= this.#reached)
  }

  /** By a former owner, out of turn. */
  #isSettled(sequence: number): boolean {
    const { left } = this.#taken.record
    return left !== undefined && sequence <= left.to && !left.sequences.includes(sequence)
  }

  /** How many former owners had it when they were gone. */
  #earlier(sequence: number): number {
    let count = 0
    for (const [from, to] of this.#taken.record.unsettled) if (sequence > from && sequence <= to) count++
    return count
  }

  #fromLane(from: Msg): void {
    const reply = from.reply ?? ''
    const { token } = this.#taken
    const marker = markerIn(from.headers)
    const owner = Number(from.subject.slice(from.subject.lastIndexOf('.') + 1))
    if (marker !== undefined) {
      this.#say(reply)
      // Who is leaving takes nothing over any more.
      if (marker === token && !this.#shut && !this.#isKnown) this.#known()
    } else if (owner !== token && this.#isKnown) {
      // Too late: what a former owner copied is still where it was.
      this.#say(reply)
    } else this.#events.fromLane(this.#arrival(from, reply, owner === token))
    this.#ask()
  }

  #arrival(from: Msg, reply: string, own: boolean): LaneArrival<ShardItem> {
    const message = decodeMessage(from.headers, from.data)
    const { streamSequence, deliveryCount } = deliveryInfo(reply)
    const { id, key = '', attempt } = message
    const { sequence, due, again } = laneEntry(from.headers)
    return {
      id: gateId(id, again),
      key,
      attempt,
      sequence,
      due,
      delivery: {
        message,
        from: 'lane',
        sequence: streamSequence,
        reply,
        deliveryCount: own ? deliveryCount : undefined,
        again,
      },
    }
  }

  #known(): void {
    this.#isKnown = true
    this.#events.laneKnown()
  }

  #say(reply: string): void {
    if (!this.#wire.connection.isClosed()) this.#wire.connection.publish(reply)
  }
}
