import type { Committed } from '../group/committer.ts'
import { ContiguousOffsets } from '../group/contiguous-offsets.ts'
import type { ShardItem } from './shard-item.ts'

/** A lane entry that waits long must not keep what came and went after it from being committed. */
const MOST_DONE_BEYOND = 500
const TRIM_EVERY = 10_000n

export interface LaneLogEffects {
  /** Put it behind everything else in the lane, if it only waits. */
  renew(item: ShardItem): void
  /** The same of what is no message. */
  renewNote(offset: bigint): void
  /** Everything before is settled. */
  trim(before: bigint): void
}

/** What of a lane is settled, and how it is kept short. */
export class LaneLog {
  readonly offsets: ContiguousOffsets
  readonly #items = new Map<bigint, ShardItem>()
  readonly #effects: LaneLogEffects
  #trimmed: bigint

  /** @param oldest the first offset that is still kept: a lane is trimmed up to its commit, or was never committed */
  constructor(committed: Committed, oldest: bigint, effects: LaneLogEffects) {
    const isKept = committed.offset >= oldest
    this.offsets = new ContiguousOffsets(isKept ? committed.offset : oldest, isKept ? committed.metadata : '')
    this.#effects = effects
    this.#trimmed = this.offsets.position
  }

  has(offset: bigint): boolean {
    return this.#items.has(offset)
  }

  /** It has arrived, and is not settled. */
  entered(item: ShardItem): void {
    this.#items.set(item.offset, item)
  }

  done(offset: bigint): void {
    const { offsets } = this
    this.#items.delete(offset)
    offsets.done(offset)
    if (offsets.doneBeyond > MOST_DONE_BEYOND) {
      const first = offsets.first ?? -1n
      const oldest = this.#items.get(first)
      if (oldest === undefined) this.#effects.renewNote(first)
      else this.#effects.renew(oldest)
    }
    if (offsets.position - this.#trimmed < TRIM_EVERY) return
    this.#trimmed = offsets.position
    this.#effects.trim(this.#trimmed)
  }
}
