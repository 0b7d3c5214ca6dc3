import type { DeathReason } from '../dead-letter/death-reason.ts'
import type { Message } from '../message.ts'
import { HeadTimer } from './head-timer.ts'
import { Preparation, type PreparedQueue } from './preparation.ts'
import type { QueueHost } from './queue-host.ts'
import type { QueueIndex } from './queue-index.ts'

/** The deadline of a message that goes out in the queue's next turn, or expires: a life of nothing. */
export const NOW_OR_NEVER = -1

/** Expired messages dropped at a time, so that a million of them does not stop everything else. */
const MOST_EXPIRED = 1_024

export interface FrontedQueue extends PreparedQueue {
  /** Messages that have expired are wanted: they go to a dead-letter exchange. */
  readonly keepsDead: boolean
  discard(position: number, reason: DeathReason): void
}

/** Who wants messages. */
export interface Demand {
  /** How many can be taken now. */
  readonly credit: number
}

/** The message of a queue that goes out next: those that have expired are out of its way, and it is in memory. */
export class QueueFront {
  readonly #queue: FrontedQueue
  readonly #index: QueueIndex
  readonly #host: QueueHost
  readonly #preparation: Preparation
  readonly #timer: HeadTimer
  readonly #recovered: { readonly end: number }

  /** @param recovered before its end a deadline is not known until the message is read */
  constructor(queue: FrontedQueue, index: QueueIndex, recovered: { readonly end: number }, host: QueueHost) {
    this.#queue = queue
    this.#index = index
    this.#recovered = recovered
    this.#host = host
    this.#preparation = new Preparation(queue, index, host)
    this.#timer = new HeadTimer(host.runtime, () => queue.wake())
  }

  /** The first ready message, once it is known not to have expired; else -1, and the queue is woken if there is one. */
  head(demand: Demand): number {
    if (this.#preparation.busy) return -1
    for (let dropped = 0; ;) {
      const position = this.#index.nextReady()
      if (position === -1) return -1
      const deadline = this.#index.deadline(position)
      const isInMemory = this.#index.message(position) !== undefined
      if (deadline === Infinity && (isInMemory || position >= this.#recovered.end)) return position
      if (deadline === NOW_OR_NEVER && demand.credit > 0) return position
      if (deadline !== Infinity && deadline > this.#host.runtime.now()) return position
      if (deadline === Infinity || (this.#queue.keepsDead && !isInMemory)) {
        // Where one has expired, those behind it probably have too.
        this.#preparation.start(position, demand.credit, deadline !== Infinity || dropped > 0)
        return -1
      } else if (dropped === MOST_EXPIRED) {
        this.#queue.wake()
        return -1
      } else {
        this.#queue.discard(position, 'expired')
        dropped++
      }
    }
  }

  /** Nobody takes the head now: the queue is woken when it expires. */
  wait(): void {
    const position = this.#preparation.busy ? -1 : this.#index.nextReady()
    if (position === -1) return
    const deadline = this.#index.deadline(position)
    if (deadline !== Infinity) this.#timer.set(deadline)
  }

  /** Whether the head can be handed out as it is, or can be made so at once; else the queue is woken when it can. */
  isFit(position: number, demand: Demand): boolean {
    if (this.#isReady(position)) return true
    this.#preparation.start(position, demand.credit)
    return !this.#preparation.busy && this.#isReady(position)
  }

  /** Reads a message that no longer is ready. */
  read(position: number, use: (message: Message) => void): void {
    this.#preparation.read(position, use)
  }

  /** Ends timers. */
  stop(): void {
    this.#timer.stop()
  }

  /** As the broker closes, counts in the log all that were handed out and came back. */
  countAll(): void {
    this.#preparation.countAll()
  }

  #isReady(position: number): boolean {
    return this.#index.message(position) !== undefined && !this.#mustCount(position)
  }

  #mustCount(position: number): boolean {
    return this.#index.isUncounted(position) && this.#index.sequence(position) !== 0 && this.#host.log !== undefined
  }
}
