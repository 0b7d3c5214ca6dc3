import type { Release } from '../../runtime/runtime.ts'
import type { Message } from '../message.ts'
import { readStored } from '../store-reading.ts'
import type { QueueHost } from './queue-host.ts'
import type { QueueIndex } from './queue-index.ts'

/** Messages read or counted at a time: enough to keep the disk busy, few enough to hold in memory for every queue. */
const READ_AHEAD = 256

/** The queue, as far as it is concerned here. */
export interface PreparedQueue {
  readonly id: number
  /** Keeps the content of a message that was read. */
  loaded(position: number, message: Message, deadline: number): void
  holds(position: number): boolean
  deadlineOf(publishedAt: number, ttlMs: number | undefined): number
  wake(): void
}

/**
 * Makes the next messages of a queue fit to be handed out: reads from the log those that are not in memory, and counts
 * in the log those that were handed out before. Until it is done nothing younger goes out, which keeps the order.
 */
export class Preparation {
  readonly #queue: PreparedQueue
  readonly #index: QueueIndex
  readonly #host: QueueHost
  #waiting = 0
  #release: Release | undefined

  constructor(queue: PreparedQueue, index: QueueIndex, host: QueueHost) {
    this.#queue = queue
    this.#index = index
    this.#host = host
  }

  get busy(): boolean {
    return this.#waiting > 0
  }

  /**
   * Prepares ready messages from `position` on, and wakes the queue. Counts no more than `credit`, which will go out now:
   * one that stands behind a message that ends the process is not to be blamed for it.
   *
   * @param isRun whether the messages after the first will be asked for too, although nobody can take them
   */
  start(position: number, credit: number, isRun = false): void {
    if (this.busy) return
    this.#waiting = 1
    this.#release = this.#host.runtime.hold('messages of a queue read from the log')
    const uncounted: number[] = []
    // Where nobody consumes, only the deadline of the first one matters.
    const most = credit > 0 || isRun ? READ_AHEAD : 1
    let at = position
    for (let prepared = 0; at !== -1 && prepared < most; prepared++, at = this.#index.nextReady(at + 1)) {
      if (this.#index.message(at) === undefined) this.#load(at)
      if (prepared < credit && this.#index.isUncounted(at)) uncounted.push(at)
    }
    this.#count(uncounted)
    this.#done()
  }

  /** Reads one message that no longer is ready. */
  read(position: number, use: (message: Message) => void): void {
    const log = this.#host.log
    if (log === undefined) return
    const release = this.#host.runtime.hold('a message of a queue read from the log')
    readStored(
      log,
      this.#index.sequence(position),
      ({ message }) => {
        release()
        use(message)
      },
      (error) => {
        release()
        // It may have been settled, as its queue was deleted, while it was on its way.
        if (this.#queue.holds(position)) this.#host.fail(error)
      },
    )
  }

  /** Counts in the log, as the broker closes, all that were handed out and came back. */
  countAll(): void {
    this.#count(this.#index.returned())
  }

  #load(position: number): void {
    const log = this.#host.log
    if (log === undefined) return
    this.#waiting++
    readStored(
      log,
      this.#index.sequence(position),
      ({ message, times }) => {
        this.#queue.loaded(position, message, this.#queue.deadlineOf(times.publishedAt, times.ttlMs))
        this.#done()
      },
      (error) => {
        // It may have been settled, by a purge for instance, while it was on its way.
        if (this.#queue.holds(position)) this.#host.fail(error)
        this.#done()
      },
    )
  }

  #count(positions: readonly number[]): void {
    const log = this.#host.log
    const stored = positions.filter((position) => this.#index.sequence(position) !== 0)
    if (log === undefined || stored.length === 0) return
    this.#waiting++
    const sequences = stored.map((position) => this.#index.sequence(position))
    log.countDelivery(this.#queue.id, sequences, (error) => {
      if (error !== undefined) return this.#host.fail(error)
      for (const position of stored) if (this.#index.isLive(position)) this.#index.counted(position)
      this.#done()
    })
  }

  #done(): void {
    if (--this.#waiting > 0) return
    this.#release?.()
    this.#queue.wake()
  }
}
