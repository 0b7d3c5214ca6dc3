import { gateId } from '../../../transport/ordered/gate-id.ts'
import type { ShardGate } from '../../../transport/ordered/shard-gate.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { Group } from '../../../transport/transport.ts'
import type { Fetcher } from '../fetcher.ts'
import type { Committer } from '../group/committer.ts'
import type { FetchedRecord } from '../partition-reader.ts'
import { fromRecord } from '../record-mapping.ts'
import type { GroupNames } from '../topic-names.ts'
import { placeOf, type DeliveryCounts } from './delivery-counts.ts'
import { LaneLog } from './lane-log.ts'
import { fromLane, ownersWord } from './lane-message.ts'
import type { ShardItem } from './shard-item.ts'
import type { ShardPlaces } from './shard-places.ts'
import type { ShardReaders } from './shard-readers.ts'
import { ShardSources } from './shard-sources.ts'

export interface IntakeParts {
  readonly shard: number
  readonly group: Group
  readonly names: GroupNames
  readonly runtime: Runtime
  readonly committer: Committer
  readonly fetcher: Fetcher
  /** Most messages of the channel's partition in the gate: a key's queue must not keep other keys out of sight. */
  readonly window: number
  readonly readers: ShardReaders
  readonly gate: ShardGate<ShardItem>
  readonly counts: DeliveryCounts
  /** Every blocked key is known: the gate is about to open. */
  readonly opened: () => void
  /** What lies before is needed no more. */
  readonly trim: (topic: string, before: bigint) => void
}

/**
 * What comes into a shard's gate, and what of that is done with. The lane is read first, up to the owner's own marker; the
 * channel's partition, and what came back from the dead letters, from then on.
 */
export class ShardIntake {
  readonly #parts: IntakeParts
  readonly #places: ShardPlaces
  /** Of the lane's marker that this owner has written. */
  readonly #marker: bigint
  readonly #lane: LaneLog
  readonly #sources: ShardSources
  #ended = false

  constructor(places: ShardPlaces, marker: bigint, parts: IntakeParts) {
    this.#parts = parts
    this.#places = places
    this.#marker = marker
    const { group, names, window, runtime, readers, gate, counts, committer, fetcher, trim } = parts
    this.#lane = new LaneLog(places.lane.committed, places.lane.oldest, {
      renew: (item) => gate.renew(item.message.key ?? '', item),
      renewNote: (offset) => counts.renew(offset),
      trim: (before) => trim(names.lane, before),
    })
    const effects = {
      enter: (read: Pick<ShardItem, 'message' | 'from' | 'offset' | 'again'>) => this.#enter(read),
      passedBy: (offset: bigint) => counts.settled(placeOf({ from: 'main', offset })),
      changed: () => committer.changed(),
      wake: () => fetcher.wake(),
      trim,
    }
    this.#sources = new ShardSources(places, { group, names, window, runtime, readers }, effects)
  }

  begin(): void {
    const { committer, names, readers, shard } = this.#parts
    const { offsets } = this.#lane
    committer.track(names.topic, shard, this.#sources.main)
    committer.track(names.lane, shard, offsets)
    committer.track(names.again, shard, this.#sources.again)
    readers.read(names.lane, offsets.position, () => false, (records) => this.#takeLane(records)) // prettier-ignore
  }

  /** The gate is done with it. */
  done(item: ShardItem): void {
    if (item.from === 'lane') this.#lane.done(item.offset)
    else this.#sources.done(item.from, item.offset, () => !this.#ended)
    this.#parts.committer.changed()
  }

  /** This offset of the lane is needed no more. */
  noteDone(offset: bigint): void {
    this.#lane.done(offset)
  }

  /** What is still read counts no more. */
  end(): void {
    this.#ended = true
  }

  #takeLane(records: readonly FetchedRecord[]): void {
    if (this.#ended) return
    for (const record of records) {
      const { offset } = record
      if (this.#lane.offsets.arrived(offset)) {
        const message = fromRecord(record, record.timestamp)
        const said = ownersWord(message)
        if (said === undefined) this.#enterLane(message, offset)
        else this.#parts.counts.heard(said, offset, offset < this.#marker)
      }
      if (offset === this.#marker) this.#open()
    }
    this.#parts.committer.changed()
  }

  #enterLane(laneMessage: ReturnType<typeof fromRecord>, offset: bigint): void {
    const { message, sequence, due, again } = fromLane(laneMessage)
    // What former owners put there is suspected, should they have gone without a word, which is known at the end of it.
    const delivery: ShardItem = { message, from: 'lane', offset, again, isSuspect: false, deliveryCount: 1 }
    this.#lane.entered(delivery)
    const { id, key = '', attempt } = message
    this.#parts.gate.fromLane({ id: gateId(id, again), key, sequence, attempt, due, delivery })
  }

  /** Every blocked key is known. */
  #open(): void {
    const { counts, window, gate, opened } = this.#parts
    const { main, again } = this.#places
    counts.open({
      marker: this.#marker,
      ends: { main: main.end, again: again.end },
      window,
      wasDone: {
        main: (offset) => this.#sources.main.wasDone(offset),
        again: (offset) => this.#sources.again.wasDone(offset),
        lane: (offset) => !this.#lane.has(offset),
      },
    })
    opened()
    gate.openLane()
    gate.openMain()
    this.#sources.begin(() => !this.#ended)
  }

  #enter(read: Pick<ShardItem, 'message' | 'from' | 'offset' | 'again'>): void {
    const { counts, gate } = this.#parts
    const item: ShardItem = { ...read, isSuspect: counts.isSuspect(read), deliveryCount: 1 }
    const { id, key = '', attempt } = item.message
    // A message without a key is ordered among its like.
    gate.fromMain(gateId(id, item.again), key, attempt, item)
  }
}
