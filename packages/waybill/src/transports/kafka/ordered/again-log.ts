import type { Committed } from '../group/committer.ts'
import type { ContiguousOffsets } from '../group/contiguous-offsets.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { afterOf, fromAgain } from './again-message.ts'
import { LaneLog } from './lane-log.ts'
import { MainWindow, type MainWindowEffects } from './main-window.ts'
import type { ShardItem } from './shard-item.ts'

export interface AgainLogEffects extends Omit<MainWindowEffects, 'enter' | 'mayEnter'> {
  enter(item: Pick<ShardItem, 'message' | 'from' | 'offset' | 'again'>): void
  /** Whether all of the channel's partition that lies before that offset has entered. */
  isBehind(after: bigint): boolean
  /** Everything before is settled. */
  trim(before: bigint): void
}

/** What comes back from the dead letters to a shard: a partition like the channel's, of which a window is in the gate. */
export class AgainLog {
  readonly #log: LaneLog
  readonly #window: MainWindow

  /** @param oldest the first offset that is still kept */
  constructor(committed: Committed, oldest: bigint, window: number, effects: AgainLogEffects) {
    // Nothing of it waits for long: what has to wait goes on to the lane.
    this.#log = new LaneLog(committed, oldest, {
      renew: () => undefined,
      renewNote: () => undefined,
      trim: (before) => effects.trim(before),
    })
    this.#window = new MainWindow(this.#log.offsets, window, {
      enter: (record) => {
        const { offset } = record
        effects.enter({ message: fromAgain(record), from: 'again', offset, again: offset })
      },
      mayEnter: (record) => effects.isBehind(afterOf(record)),
      changed: () => effects.changed(),
      wake: () => effects.wake(),
    })
  }

  get offsets(): ContiguousOffsets {
    return this.#log.offsets
  }

  get isFull(): boolean {
    return this.#window.isFull
  }

  take(records: readonly FetchedRecord[]): void {
    this.#window.take(records)
  }

  done(offset: bigint): void {
    this.#log.done(offset)
  }

  fill(): void {
    this.#window.fill()
  }
}
