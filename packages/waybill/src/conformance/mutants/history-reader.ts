import type { Delivery } from '../../transport/transport.ts'

/** A message that is kept. */
export interface Entry {
  readonly delivery: Delivery
  /** Which of its shard it is, from 0. */
  readonly index: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** A subscription outside any group. What comes while its member has no link waits. */
export class HistoryReader {
  readonly channel: string
  readonly #shards: readonly number[] | undefined
  readonly #receive: (batch: readonly Delivery[]) => void
  #waiting: Delivery[] | undefined

  constructor(channel: string, shards: readonly number[] | undefined, receive: (batch: readonly Delivery[]) => void) {
    this.channel = channel
    this.#shards = shards
    this.#receive = receive
  }

  take({ delivery }: Entry): void {
    if (this.#shards?.includes(delivery.shard) === false) return
    if (this.#waiting === undefined) this.#receive([delivery])
    else this.#waiting.push(delivery)
  }

  unlinked(): void {
    this.#waiting ??= []
  }

  linked(forgetting: boolean): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    if (!forgetting) for (const delivery of waiting) this.#receive([delivery])
  }
}
