import type { MessageLog } from '../store/message-log.ts'

/** What a queue has settled in this turn of the event loop, for one record in the log. */
export class SettledBatch {
  readonly #log: MessageLog | undefined
  readonly #queue: number
  #sequences: number[] = []

  /** @param queue its number in the log */
  constructor(log: MessageLog | undefined, queue: number) {
    this.#log = log
    this.#queue = queue
  }

  add(sequence: number): void {
    this.#sequences.push(sequence)
  }

  write(): void {
    if (this.#sequences.length === 0) return
    const sequences = this.#sequences
    this.#sequences = []
    this.#log?.settle(this.#queue, sequences)
  }
}
