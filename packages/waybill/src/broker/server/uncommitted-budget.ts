import { residentBytes, type Message } from '../message.ts'
import { ReplyError } from '../reply-error.ts'

/** Published in transactions of one connection and not committed: as much as the log takes at once. */
const MOST_MESSAGES = 100_000
const MOST_BYTES = 32 * 1024 * 1024

/** Bounds what the transactions of a connection keep in memory. */
export class UncommittedBudget {
  #messages = 0
  #bytes = 0

  /** @throws {ReplyError} 406 when it is spent */
  take(message: Message): void {
    const bytes = this.#bytes + residentBytes(message)
    if (this.#messages >= MOST_MESSAGES || bytes > MOST_BYTES) {
      throw new ReplyError(
        406,
        `transactions of one connection hold ${MOST_MESSAGES} messages or ${MOST_BYTES} bytes at most: commit earlier`,
      )
    }
    this.#messages++
    this.#bytes = bytes
  }

  giveBack(message: Message): void {
    this.#messages--
    this.#bytes -= residentBytes(message)
  }
}
