import { priorityOf } from '../encoded-properties.ts'
import { residentBytes, type Message } from '../message.ts'
import type { ResidentMemory } from '../resident-memory.ts'
import { LengthLimit } from './length-limit.ts'
import { MessageIndex } from './message-index.ts'
import { PriorityIndex } from './priority-index.ts'
import type { QueueArguments } from './queue-definition.ts'
import type { QueueIndex } from './queue-index.ts'

/** Stored messages that a queue keeps in memory besides the log, from its head: what consumers that keep up never read. */
const MOST_STORED = 1_024

/** The messages of one queue in their order, those of them that are in memory, and whether there are too many. */
export class QueueContents {
  /** For those who only read it, or change what is counted nowhere. */
  readonly index: QueueIndex
  readonly #limit: LengthLimit
  readonly #memory: ResidentMemory
  readonly #hasPriorities: boolean
  #inMemory = 0

  constructor(queueArguments: QueueArguments, memory: ResidentMemory) {
    const { maxPriority = 0 } = queueArguments
    this.#hasPriorities = maxPriority > 0
    this.index = this.#hasPriorities ? new PriorityIndex(maxPriority) : new MessageIndex()
    this.#limit = new LengthLimit(queueArguments)
    this.#memory = memory
  }

  get ready(): number {
    return this.index.ready
  }

  /**
   * Whether the next publish is refused, by `x-overflow`.
   *
   * @param taken ready messages that go out as soon as it is the queue's turn
   */
  isFull(taken: number): boolean {
    return this.#limit.refuses(Math.max(0, this.index.ready - taken))
  }

  /** Other limits hold from now on. */
  limit(queueArguments: QueueArguments): void {
    this.#limit.set(queueArguments)
  }

  /** Whether the head is to be dropped. */
  get isTooLong(): boolean {
    return this.#limit.isExceeded(this.index.ready)
  }

  /**
   * Whether a message must be read to be put in its place: the log knows neither priorities nor sizes. One that need not
   * is put in `index` by the one who recovers it.
   */
  get asksContent(): boolean {
    return this.#hasPriorities || this.#limit.measures
  }

  /**
   * Adds a ready message behind those of its priority.
   *
   * @param sequence its number in the log; 0 when it is in memory alone
   */
  append(sequence: number, message: Message, deadline: number): number {
    const keep = sequence === 0 || (this.#inMemory < MOST_STORED && this.#memory.hasRoom)
    const position = this.place(sequence, message, deadline, keep)
    if (keep) this.#count(message)
    return position
  }

  /** Adds a message that the log held, and leaves its content there. */
  place(sequence: number, message: Message, deadline: number, keep = false): number {
    const size = this.#limit.sizeOf(message)
    const priority = this.#hasPriorities ? priorityOf(message.properties) : 0
    this.#limit.add(size)
    return this.index.append(sequence, keep ? message : undefined, deadline, size, priority)
  }

  /**
   * Hands out a ready message; returns how often that has been done now. The content of a stored one is not kept for it:
   * it may be long until it is settled, and it can be read again should it come back.
   */
  take(position: number): number {
    this.#limit.subtract(this.index.size(position))
    if (this.index.sequence(position) !== 0) this.#drop(position)
    return this.index.take(position)
  }

  /** Takes a ready message out of the line without handing it to anybody. */
  withhold(position: number): void {
    this.#limit.subtract(this.index.size(position))
    this.index.withhold(position)
  }

  /** Makes an unsettled message ready again. `false` when it is not unsettled. */
  putBack(position: number): boolean {
    if (!this.index.putBack(position)) return false
    this.#limit.add(this.index.size(position))
    return true
  }

  /** Forgets a message; returns its number in the log, 0 when it is not there, -1 when there is no such message. */
  remove(position: number): number {
    const { index } = this
    if (!index.isLive(position)) return -1
    if (index.isReady(position)) this.#limit.subtract(index.size(position))
    this.#drop(position)
    const sequence = index.sequence(position)
    index.remove(position)
    return sequence
  }

  /** Keeps the content of a message that was read, until it is taken or removed. */
  loaded(position: number, message: Message, deadline: number): void {
    const { index } = this
    if (!index.isLive(position) || index.message(position) !== undefined) return
    index.setMessage(position, message)
    this.#count(message)
    if (index.deadline(position) === Infinity && deadline !== Infinity) index.setDeadline(position, deadline)
  }

  #drop(position: number): void {
    const message = this.index.message(position)
    if (message === undefined) return
    this.index.setMessage(position, undefined)
    this.#inMemory--
    this.#memory.subtract(residentBytes(message))
  }

  #count(message: Message): void {
    this.#inMemory++
    this.#memory.add(residentBytes(message))
  }
}
