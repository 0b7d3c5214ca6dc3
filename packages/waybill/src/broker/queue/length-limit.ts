import type { Message } from '../message.ts'
import type { QueueArguments } from './queue-definition.ts'

/** How many ready messages, and bytes of their bodies, a queue may hold (`x-max-length`, `x-max-length-bytes`). */
export class LengthLimit {
  /** Whether bytes are limited. */
  readonly measures: boolean
  readonly #refuses: boolean
  readonly #isLimited: boolean
  readonly #maxLength: number
  readonly #maxBytes: number
  #bytes = 0

  constructor({ maxLength, maxLengthBytes, overflow = 'drop-head' }: QueueArguments) {
    this.#refuses = overflow !== 'drop-head'
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

  /** Whether the next publish is refused. */
  isFull(ready: number): boolean {
    return this.#refuses && this.#isLimited && (ready >= this.#maxLength || this.#bytes >= this.#maxBytes)
  }

  /** Whether the head is to be dropped. */
  isExceeded(ready: number): boolean {
    return this.#isLimited && !this.#refuses && (ready > this.#maxLength || this.#bytes > this.#maxBytes)
  }
}
