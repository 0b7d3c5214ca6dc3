import type { ContiguousOffsets } from '../group/contiguous-offsets.ts'
import type { FetchedRecord } from '../partition-reader.ts'

/** Fetched beyond the window, so that it is refilled at once. */
const AHEAD = 500

export interface MainWindowEffects {
  enter(record: FetchedRecord): void
  /** Whether it may now, which is asked again with each `fill`. Default: yes. */
  mayEnter?(record: FetchedRecord): boolean
  /** Something has entered, or was settled long ago. */
  changed(): void
  /** There is room for what is to be fetched next. */
  wake(): void
}

/** Lets records of the channel's partition into the gate, at most so many at a time, and holds the next ones ready. */
export class MainWindow {
  readonly #offsets: ContiguousOffsets
  readonly #size: number
  readonly #effects: MainWindowEffects
  readonly #ahead: FetchedRecord[] = []

  constructor(offsets: ContiguousOffsets, size: number, effects: MainWindowEffects) {
    this.#offsets = offsets
    this.#size = size
    this.#effects = effects
  }

  get isFull(): boolean {
    return this.#ahead.length >= AHEAD
  }

  /** The first offset that is here and has not entered. */
  get next(): bigint | undefined {
    return this.#ahead[0]?.offset
  }

  take(records: readonly FetchedRecord[]): void {
    for (const record of records) this.#ahead.push(record)
    this.fill()
  }

  /** Something in the gate may have been settled. */
  fill(): void {
    const wasFull = this.isFull
    let taken = 0
    while (taken < this.#ahead.length && this.#offsets.open < this.#size) {
      const record = this.#ahead[taken] as FetchedRecord // below length
      if (this.#effects.mayEnter?.(record) === false) break
      taken++
      if (this.#offsets.arrived(record.offset)) this.#effects.enter(record)
    }
    this.#ahead.splice(0, taken)
    if (taken > 0) this.#effects.changed()
    if (wasFull && !this.isFull) this.#effects.wake()
  }
}
