import type { ConfirmSink, PublishOutcome } from './message.ts'

const FIRST_CAPACITY = 64

/**
 * Who is to be told of the publishes that wait for the disk, in order. What can wait is bounded by the log, which refuses
 * above its limit; so the ring only grows to the most that ever waited.
 */
export class PendingConfirms {
  #sinks: (ConfirmSink | undefined)[] = noSinks(FIRST_CAPACITY)
  #tags = new Float64Array(FIRST_CAPACITY)
  #first = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(sink: ConfirmSink, tag: number): void {
    if (this.#size === this.#tags.length) this.#grow()
    const at = (this.#first + this.#size++) & (this.#tags.length - 1)
    this.#sinks[at] = sink
    this.#tags[at] = tag
  }

  /** Tells the one that has waited longest; only when somebody waits. */
  tellFirst(outcome: PublishOutcome, error: Error | undefined): void {
    const at = this.#first
    const sink = this.#sinks[at] as ConfirmSink // size > 0
    const tag = this.#tags[at] as number // as above
    this.#sinks[at] = undefined
    this.#first = (at + 1) & (this.#tags.length - 1)
    this.#size--
    sink.confirmed(tag, outcome, error)
  }

  #grow(): void {
    const capacity = this.#tags.length * 2
    const [sinks, tags] = [noSinks(capacity), new Float64Array(capacity)]
    for (let n = 0; n < this.#size; n++) {
      const at = (this.#first + n) & (this.#tags.length - 1)
      sinks[n] = this.#sinks[at]
      tags[n] = this.#tags[at] as number // below the size
    }
    this.#sinks = sinks
    this.#tags = tags
    this.#first = 0
  }
}

function noSinks(capacity: number): (ConfirmSink | undefined)[] {
  return Array.from({ length: capacity })
}
