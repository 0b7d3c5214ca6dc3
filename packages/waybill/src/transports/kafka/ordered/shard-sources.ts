import type { Runtime } from '../../../runtime/runtime.ts'
import type { Group } from '../../../transport/transport.ts'
import { ContiguousOffsets } from '../group/contiguous-offsets.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { fromRecord } from '../record-mapping.ts'
import type { GroupNames } from '../topic-names.ts'
import { AgainLog } from './again-log.ts'
import { MainWindow } from './main-window.ts'
import type { ShardItem } from './shard-item.ts'
import type { ShardPlaces } from './shard-places.ts'
import type { ShardReaders } from './shard-readers.ts'

export interface SourcesParts {
  readonly group: Group
  readonly names: GroupNames
  /** Most messages of each partition in the gate: a key's queue must not keep other keys out of sight. */
  readonly window: number
  readonly runtime: Runtime
  readonly readers: ShardReaders
}

export interface SourcesEffects {
  enter(read: Pick<ShardItem, 'message' | 'from' | 'offset' | 'again'>): void
  /** Of the channel's partition, and not for this group. */
  passedBy(offset: bigint): void
  /** Something was settled. */
  changed(): void
  wake(): void
  /** What lies before is needed no more. */
  trim(topic: string, before: bigint): void
}

/** What a shard's gate is fed from besides its lane: the channel's partition, and that of what comes back from the dead letters. */
export class ShardSources {
  readonly main: ContiguousOffsets
  readonly #again: AgainLog
  readonly #parts: SourcesParts
  readonly #effects: SourcesEffects
  readonly #window: MainWindow
  #refilling = false
  /** Of the channel's partition, the next offset to be fetched. */
  #fetched: () => bigint

  constructor({ main, again }: ShardPlaces, parts: SourcesParts, effects: SourcesEffects) {
    this.main = new ContiguousOffsets(main.committed.offset, main.committed.metadata)
    this.#fetched = () => this.main.position
    this.#parts = parts
    this.#effects = effects
    this.#again = new AgainLog(again.committed, again.oldest, parts.window, {
      enter: (item) => effects.enter(item),
      // Behind all that the channel held when it came back.
      isBehind: (after) => after <= (this.#window.next ?? this.#fetched()),
      changed: () => effects.changed(),
      wake: () => effects.wake(),
      trim: (before) => effects.trim(parts.names.again, before),
    })
    this.#window = new MainWindow(this.main, parts.window, {
      enter: (record) => this.#enterMain(record),
      changed: () => effects.changed(),
      wake: () => effects.wake(),
    })
  }

  get again(): ContiguousOffsets {
    return this.#again.offsets
  }

  /** The lane is known. @param take whether what was read still counts */
  begin(take: () => boolean): void {
    const { names, readers } = this.#parts
    const main = readers.read(names.topic, this.main.position, () => this.#window.isFull, (records) => {
      if (!take()) return
      this.#window.take(records)
      this.#again.fill()
    }) // prettier-ignore
    this.#fetched = () => main.offset
    readers.read(names.again, this.again.position, () => this.#again.isFull, (records) => {
      if (take()) this.#again.take(records)
    }) // prettier-ignore
  }

  /** @param refill whether there may be room for more, at the end of this turn */
  done(from: 'main' | 'again', offset: bigint, refill: () => boolean): void {
    if (from === 'main') this.main.done(offset)
    else this.#again.done(offset)
    // Once for all that are settled in one turn.
    if (this.#refilling) return
    this.#refilling = true
    this.#parts.runtime.defer(() => {
      this.#refilling = false
      if (!refill()) return
      this.#window.fill()
      this.#again.fill()
    })
  }

  #enterMain(record: FetchedRecord): void {
    const { offset } = record
    const message = fromRecord(record, record.timestamp)
    if (this.#parts.group.types?.includes(message.type) !== false)
      return this.#effects.enter({ message, from: 'main', offset })
    this.#effects.passedBy(offset)
    this.main.done(offset)
  }
}
