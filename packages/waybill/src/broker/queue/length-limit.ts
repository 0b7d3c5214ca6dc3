import type { Message } from '../message.ts'
import type { QueueArguments } from './queue-definition.ts'

/** How many ready messages, and bytes of their bodies, a queue may hold (`x-max-length`, `x-max-length-bytes`). */
export class LengthLimit {
  /** Whether bytes are limited. */
  measures = false
  #dropsHead = true
  #isLimited = false
  #maxLength = Infinity
  #maxBytes = Infinity
  #bytes = 0

  constructor(queueArguments: QueueArguments) {
    this.set(queueArguments)
  }

  /** Other limits from now on. Where bytes were not limited before, those of messages from before are not known, and are 0. */
  set({ maxLength, maxLengthBytes, overflow = 'drop-head' }: QueueArguments): void {
    this.#dropsHead = overflow === 'drop-head'
    this.#isLimited = maxLength !== undefined || maxLengthBytes !== undefined
    this.measures = maxLengthBytes !== undefined
    this.#maxLength = maxLength ?? Infinity
    this.#maxBytes = maxLengthBytes ?? Infinity
  }

  /** What `add` and `subtract` are told of a message; 0 where bytes are not limited. */
  sizeOf(message: Message): number {
    return this.measures ? message.body.length : 0
  }

  /** A message became ready. */
  add(size: number): void {
    this.#bytes += size
  }

  subtract(size: number): void {
    this.#bytes -= size
  }

  /**
   * Whether the next publish is refused.
   *
   * @param waiting ready messages that nobody can take now
   */
  refuses(waiting: number): boolean {
    if (!this.#isLimited || this.#dropsHead) return false
    return waiting >= this.#maxLength || (waiting > 0 && this.#bytes >= this.#maxBytes)
  }

  /** Whether the head is to be dropped. */
  isExceeded(ready: number): boolean {
    return this.#isLimited && this.#dropsHead && (ready > this.#maxLength || this.#bytes > this.#maxBytes)
  }
}
