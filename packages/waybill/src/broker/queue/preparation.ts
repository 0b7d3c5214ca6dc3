import type { Release } from '../../runtime/runtime.ts'
import type { Message } from '../message.ts'
import { asError, readStored } from '../store-reading.ts'
import type { StoredMessage } from '../store/message-log.ts'
import { fromStored } from '../stored-form.ts'
import type { QueueHost } from './queue-host.ts'
import type { QueueIndex } from './queue-index.ts'

/** Messages read or counted at a time: enough to keep consumers busy, few enough to hold in memory for every queue. */
const READ_AHEAD = 256
/** No more are read at a time once they are so many bytes. */
const READ_AHEAD_BYTES = 1024 * 1024

/** The queue, as far as it is concerned here. */
export interface PreparedQueue {
  readonly id: number
  /** Keeps the content of a message that was read. */
  loaded(position: number, message: Message, deadline: number): void
  holds(position: number): boolean
  deadlineOf(publishedAt: number, ttlMs: number | undefined): number
  wake(): void
}

/** A message that was asked for, with what is to be done about it once it is there. */
interface Asked {
  answer: (() => void) | undefined
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
  readonly #asked: Asked[] = []
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
    let bytes = 0
    let at = position
    for (let prepared = 0; at !== -1 && prepared < most && this.#hasRoom(bytes); prepared++) {
      if (prepared < credit && this.#index.isUncounted(at)) uncounted.push(at)
      if (this.#index.message(at) === undefined) bytes += this.#load(at)
      at = this.#index.nextReady(at + 1)
    }
    this.#count(uncounted)
    this.#done()
  }

  /** Reads one message that no longer is ready; several are given in the order in which they were asked for. */
  read(position: number, use: (message: Message) => void): void {
    const log = this.#host.log
    if (log === undefined) return
    const release = this.#host.runtime.hold('a message of a queue read from the log')
    const asked: Asked = { answer: undefined }
    this.#asked.push(asked)
    const answer = (give: () => void): void => {
      release()
      asked.answer = give
      while (this.#asked[0]?.answer !== undefined) this.#asked.shift()?.answer?.()
    }
    readStored(
      log,
      this.#index.sequence(position),
      ({ message }) => answer(() => use(message)),
      (error) =>
        answer(() => {
          this.#unreadable(position, error)
        }),
    )
  }

  /** Counts in the log, as the broker closes, all that were handed out and came back. */
  countAll(): void {
    this.#count(this.#index.returned())
  }

  /** Whether more may be read, behind so many bytes. */
  #hasRoom(bytes: number): boolean {
    return bytes === 0 || (bytes < READ_AHEAD_BYTES && this.#host.memory.hasRoom)
  }

  /** Bytes that this takes, of memory or only on the disk. */
  #load(position: number): number {
    const log = this.#host.log
    if (log === undefined) return 0
    const sequence = this.#index.sequence(position)
    try {
      const read = log.read(sequence)
      if (read instanceof Promise) this.#await(position, read)
      else this.#loaded(position, read)
    } catch (error) {
      this.#unreadable(position, error)
    }
    return log.size(sequence)
  }

  #await(position: number, read: Promise<StoredMessage>): void {
    this.#waiting++
    read
      .then((stored) => this.#loaded(position, stored))
      .catch((error: unknown) => this.#unreadable(position, error))
      .then(() => this.#done())
      // What the queue does next is its own.
      .catch((error: unknown) => this.#host.fail(asError(error)))
  }

  #loaded(position: number, stored: StoredMessage): void {
    const { message, times } = fromStored(stored)
    this.#queue.loaded(position, message, this.#queue.deadlineOf(times.publishedAt, times.ttlMs))
  }

  #unreadable(position: number, error: unknown): void {
    // It may have been settled, by a purge for instance, while it was on its way.
    if (this.#queue.holds(position)) this.#host.fail(asError(error))
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
