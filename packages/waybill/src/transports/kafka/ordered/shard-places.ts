import { WaybillError } from '../../../message/errors.ts'
import type { Committed, Committer } from '../group/committer.ts'
import type { KafkaLink } from '../kafka-link.ts'
import { EARLIEST, LATEST, offsetsOf } from '../offsets.ts'
import type { GroupNames } from '../topic-names.ts'

interface Place {
  readonly committed: Committed
  /** The first offset behind everything. */
  readonly end: bigint
}

interface OwnPlace extends Place {
  /** The first offset that is still kept. */
  readonly oldest: bigint
}

/** Where a shard's new owner begins. */
export interface ShardPlaces {
  readonly main: Place
  readonly lane: OwnPlace
  readonly again: OwnPlace
}

/** @throws {WaybillError} WAYBILL_POSITION_GONE where the group has none in its channel */
export async function shardPlaces(
  { session }: KafkaLink,
  committer: Committer,
  { id, topic, lane, again }: GroupNames,
  shard: number,
): Promise<ShardPlaces> {
  const place = async (name: string): Promise<Place> => {
    const [committed, ends] = await Promise.all([committer.committed(name, shard), offsetsOf(session, name, LATEST)])
    return { committed, end: ends[shard] ?? 0n }
  }
  const own = async (name: string): Promise<OwnPlace> => {
    const [at, oldest] = await Promise.all([place(name), offsetsOf(session, name, EARLIEST)])
    return { ...at, oldest: oldest[shard] ?? 0n }
  }
  const [main, laneAt, againAt] = await Promise.all([place(topic), own(lane), own(again)])
  if (main.committed.offset < 0n) throw new WaybillError('WAYBILL_POSITION_GONE', `group ${id} has no position`)
  return { main, lane: laneAt, again: againAt }
}
