// Order per key through failure, for one shard and its owner of the moment. No input or output of its own: deliveries
// and answers go in as calls, what is to be done comes out through `GateEffects`.
//
// A key is free or blocked. The messages of a free key are handed out from the main queue, one at a time. When one must
// be tried again, the key becomes blocked: a copy of the message goes to the shard's retry lane, a queue with the same
// owner, and the later messages of the key follow it there, one after another. An entry of the lane has a sequence
// number, which a copy made for a further attempt keeps; so the lane orders a key although copies queue up behind their
// successors. When the last entry of a key has left the lane, the key is free again.
//
// Why nothing is lost: the original is acknowledged only when its copy is stored. Why order survives a crash at any
// step: the next message of a key is copied only when the copy before it is stored, so what a successor finds in the
// lane is always older than what it finds in the main queue. A copy whose original was not acknowledged in time is
// found twice, and recognised by its id.
import { KeyQueue, type GateEntry } from './key-queue.ts'

export interface GateEffects<D> {
  /** Hand it to the application; answer with `done` or `retry`. */
  handOut(entry: GateEntry<D>): void
  /** Nothing more is needed of this delivery: acknowledge it. */
  release(delivery: D): void
  /** Store a copy of `entry.delivery` in the lane with the entry's sequence, attempt and due time; answer with `copied`. */
  copy(entry: GateEntry<D>): void
  /** Call `wake(key)` at `due`, in milliseconds since the epoch. */
  wakeAt(key: string, due: number): void
  now(): number
}

/** A message in the lane, as its headers say. */
export interface LaneArrival<D> {
  readonly id: string
  readonly key: string
  readonly sequence: number
  readonly attempt: number
  readonly due: number
  readonly delivery: D
}

/** Enough for a key in trouble for a while; the lane is held in the owner's memory. */
export const DEFAULT_LANE_LIMIT = 10_000

export class ShardGate<D> {
  readonly #effects: GateEffects<D>
  readonly #laneLimit: number
  readonly #keys = new Map<string, KeyQueue<D>>()
  /** Keys whose next message would follow into the lane, were it not full. */
  readonly #stuck = new Set<KeyQueue<D>>()
  #laneLength = 0
  #sequence = 0
  #laneOpen = false
  #mainOpen = false

  constructor(effects: GateEffects<D>, laneLimit: number = DEFAULT_LANE_LIMIT) {
    this.#effects = effects
    this.#laneLimit = laneLimit
  }

  /** Messages in the lane, those on their way there included. */
  get laneLength(): number {
    return this.#laneLength
  }

  /** Messages here that nobody has settled. */
  get length(): number {
    return [...this.#keys.values()].reduce((sum, queue) => sum + queue.length, 0)
  }

  /** The lane is known in full: its entries may be handed out. */
  openLane(): void {
    this.#laneOpen = true
    for (const queue of this.#keys.values()) this.#advance(queue)
  }

  /** The lane holds all that former owners put there: messages of the main queue may be handed out, or follow. */
  openMain(): void {
    this.#mainOpen = true
    for (const queue of this.#keys.values()) this.#advance(queue)
  }

  /** Nothing is handed out or copied any more; answers are still taken. */
  shut(): void {
    this.#laneOpen = false
    this.#mainOpen = false
  }

  /** Deliveries of the main queue come here in their order. */
  fromMain(id: string, key: string, attempt: number, delivery: D): void {
    const queue = this.#queueOf(key)
    // Its copy was stored, and its owner gone, before it was acknowledged.
    if (queue.inLane(id) !== undefined) return this.#effects.release(delivery)
    queue.append({ id, key, sequence: undefined, attempt, due: 0, delivery, copy: undefined, state: 'waiting' })
    this.#advance(queue)
  }

  fromLane(arrival: LaneArrival<D>): void {
    const { id, key, sequence, attempt, due, delivery } = arrival
    this.#sequence = Math.max(this.#sequence, sequence)
    const queue = this.#queueOf(key)
    const known = queue.atSequence(sequence, id)
    if (known !== undefined) this.#seenAgain(known, arrival)
    else {
      const original = queue.onlyInMain(id)
      if (original !== undefined && original !== queue.firstInMain) return this.#effects.release(delivery)
      if (original?.state === 'handed' || original?.state === 'burying') return this.#effects.release(delivery)
      if (original !== undefined) this.#effects.release(queue.drop(original) as D) // waiting: it has its delivery
      queue.insert({ id, key, sequence, attempt, due, delivery, copy: undefined, state: 'waiting' })
      this.#laneLength++
    }
    this.#advance(queue)
  }

  /** The application has given it up: it is on its way to the dead letters. `done` says that it is stored there. */
  burying(entry: GateEntry<D>): void {
    entry.state = 'burying'
  }

  /** The application is done with it for good, or it is stored among the dead letters. */
  done(entry: GateEntry<D>): void {
    const queue = this.#queueOf(entry.key)
    const delivery = queue.drop(entry)
    if (delivery !== undefined) this.#effects.release(delivery)
    if (entry.sequence !== undefined) this.#leftLane()
    this.#advance(queue)
  }

  /** Try it again as `attempt` at `due`. */
  retry(entry: GateEntry<D>, attempt: number, due: number): void {
    entry.attempt = attempt
    entry.due = due
    this.#copy(entry)
  }

  /** The lane has stored the copy that was asked for. */
  copied(entry: GateEntry<D>): void {
    if (entry.state !== 'copying') return
    const original = entry.delivery
    entry.delivery = entry.copy
    entry.copy = undefined
    entry.state = entry.delivery === undefined ? 'awaited' : 'waiting'
    if (original !== undefined) this.#effects.release(original)
    this.#advance(this.#queueOf(entry.key))
  }

  /**
   * Stores an entry of the lane once more, behind everything, where it waits: on an engine that forgets a lane only up to
   * its oldest entry, a long wait would otherwise keep all that came and went after it.
   */
  renew(key: string, delivery: D): void {
    const entry = this.#keys.get(key)?.waitingInLane(delivery)
    if (entry !== undefined) this.#copy(entry)
  }

  /** The time that `wakeAt` named has come. */
  wake(key: string): void {
    const queue = this.#keys.get(key)
    if (queue !== undefined) this.#advance(queue)
  }

  /** The same entry from the lane: the copy that is waited for, or one of two that a crash left. */
  #seenAgain(known: GateEntry<D>, { attempt, due, delivery }: LaneArrival<D>): void {
    if (known.state === 'copying') {
      const superseded = attempt < known.attempt ? delivery : known.copy
      if (attempt >= known.attempt) known.copy = delivery
      if (superseded !== undefined) this.#effects.release(superseded)
    } else if (known.delivery === undefined || (known.state === 'waiting' && attempt > known.attempt)) {
      if (known.delivery !== undefined) this.#effects.release(known.delivery)
      known.delivery = delivery
      known.attempt = attempt
      known.due = due
      known.state = 'waiting'
    } else this.#effects.release(delivery)
  }

  #advance(queue: KeyQueue<D>): void {
    const head = queue.head
    if (head === undefined) {
      this.#keys.delete(queue.key)
      this.#stuck.delete(queue)
      return
    }
    if (head.state === 'waiting' && !queue.isHandedOut) this.#handOut(head)
    if (head.sequence !== undefined) this.#follow(queue)
  }

  #handOut(head: GateEntry<D>): void {
    if (head.sequence === undefined ? !this.#mainOpen : !this.#laneOpen) return
    if (head.due > this.#effects.now()) return this.#effects.wakeAt(head.key, head.due)
    head.state = 'handed'
    this.#effects.handOut(head)
  }

  /** The next message of a blocked key goes to the lane, so that it does not take the place of another key's. */
  #follow(queue: KeyQueue<D>): void {
    const next = queue.firstInMain
    if (!this.#mainOpen || next === undefined || next.state !== 'waiting' || queue.isCopying) return
    if (this.#laneLength >= this.#laneLimit) this.#stuck.add(queue)
    else this.#copy(next)
  }

  #copy(entry: GateEntry<D>): void {
    if (entry.sequence === undefined) {
      entry.sequence = ++this.#sequence
      this.#laneLength++
    }
    entry.state = 'copying'
    this.#effects.copy(entry)
  }

  #leftLane(): void {
    this.#laneLength--
    for (const queue of this.#stuck) {
      if (this.#laneLength >= this.#laneLimit) return
      this.#stuck.delete(queue)
      this.#advance(queue)
    }
  }

  #queueOf(key: string): KeyQueue<D> {
    let queue = this.#keys.get(key)
    if (queue === undefined) this.#keys.set(key, (queue = new KeyQueue<D>(key)))
    return queue
  }
}
