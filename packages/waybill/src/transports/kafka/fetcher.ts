// Reads partitions by their offsets, without a group: one request at a time to each broker, for all that want more.
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import { call } from './call.ts'
import type { Connection } from './driver.ts'
import { brokerError, CODE, isPassing, whereTopicIsKnown } from './kafka-errors.ts'
import type { FetchedRecord, PartitionReader } from './partition-reader.ts'
import type { Session } from './session.ts'

/** How long the broker waits for something to come: as long as a partition that joins has to wait at most. */
const MAX_WAIT_MS = 100
const PARTITION_BYTES = 1_024 * 1_024
const REQUEST_BYTES = 8 * 1_024 * 1_024
/** After an error that passes: a leader that moves. */
const PAUSE_MS = 100
const READ_UNCOMMITTED = 0
const NO_REPLICA_DIRECTORY = ''

export class Fetcher {
  readonly #session: Session
  readonly #connections: 'shared' | 'own'
  readonly #readers = new Set<PartitionReader>()
  readonly #busy = new Set<number>()
  readonly #open = new Map<number, Connection>()
  #ended = false

  /**
   * No partition is read by two readers of one fetcher.
   *
   * @param connections `own`: to be given back with `end`
   */
  constructor(session: Session, connections: 'shared' | 'own') {
    this.#session = session
    this.#connections = connections
  }

  add(reader: PartitionReader): void {
    this.#readers.add(reader)
    this.wake()
  }

  remove(reader: PartitionReader): void {
    this.#readers.delete(reader)
  }

  end(): void {
    this.#ended = true
    this.#readers.clear()
    if (this.#connections === 'shared') return
    for (const connection of this.#open.values()) this.#session.release(connection)
  }

  /** A reader that was full is no more. */
  wake(): void {
    const leaders = new Set<number>()
    for (const reader of this.#readers) if (!reader.isFull) leaders.add(this.#leaderOf(reader))
    for (const leader of leaders) if (!this.#busy.has(leader)) void this.#run(leader)
  }

  async #run(leader: number): Promise<void> {
    this.#busy.add(leader)
    try {
      for (;;) {
        if (this.#session.fault !== undefined || this.#ended) return
        const wanted = [...this.#readers].filter((each) => !each.isFull && this.#leaderOf(each) === leader)
        if (wanted.length === 0) return
        if (leader < 0) await this.#findLeaders(wanted)
        else await this.#fetch(leader, wanted)
      }
    } catch (error) {
      if (!this.#ended) this.#session.end(asError(error))
    } finally {
      this.#busy.delete(leader)
      // Somebody may have joined between the last look and now.
      if (this.#session.fault === undefined && !this.#ended) this.wake()
    }
  }

  /** A session that ends takes the loop's request with it, and so the loop. */
  async #fetch(leader: number, wanted: readonly PartitionReader[]): Promise<void> {
    const byId = new Map<string, PartitionReader[]>()
    for (const reader of wanted) {
      const id = this.#session.knownTopic(reader.topic)?.id ?? ''
      const readers = byId.get(id)
      if (readers === undefined) byId.set(id, [reader])
      else readers.push(reader)
    }
    const topics = [...byId].map(([topicId, readers]) => ({
      topicId,
      partitions: readers.map(({ partition, offset }) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: offset,
        lastFetchedEpoch: -1,
        partitionMaxBytes: PARTITION_BYTES,
        replicaDirectoryId: NO_REPLICA_DIRECTORY,
      })),
    }))
    const api = this.#session.driver.fetchV16.api
    const connection = await this.#connection(leader)
    if (connection === undefined) return await this.#pause(wanted)
    const answer = await call(connection, api, MAX_WAIT_MS, 1, REQUEST_BYTES, READ_UNCOMMITTED, 0, -1, topics, [], '')
    if (answer.errorCode !== CODE.none) return await this.#pause(wanted)
    let isTroubled = false
    for (const { topicId, partitions } of answer.responses)
      for (const partition of partitions) {
        const reader = byId.get(topicId)?.find((each) => each.partition === partition.partitionIndex)
        // Removed meanwhile.
        if (reader === undefined || !this.#readers.has(reader)) continue
        if (partition.errorCode === CODE.none) hand(reader, partition.records ?? [])
        else if (isPassing(whereTopicIsKnown(partition.errorCode))) isTroubled = true
        else this.#fail(reader, partition.errorCode)
      }
    if (isTroubled) await this.#pause(wanted)
  }

  async #connection(leader: number): Promise<Connection | undefined> {
    let connection = this.#open.get(leader)
    if (connection !== undefined) return connection
    const shared = this.#connections === 'shared'
    connection = await this.#session.reach(leader, shared ? 'fetch' : 'own')
    if (connection === undefined) return undefined
    if (this.#ended && !shared) this.#session.release(connection)
    this.#open.set(leader, connection)
    return connection
  }

  async #pause(wanted: readonly PartitionReader[]): Promise<void> {
    await new Promise<void>((resolve) => void this.#session.runtime.setTimer(PAUSE_MS, resolve))
    await this.#findLeaders(wanted)
  }

  async #findLeaders(wanted: readonly PartitionReader[]): Promise<void> {
    const topics = [...new Set(wanted.map((each) => each.topic))]
    const found = await this.#session.topics(topics)
    for (const reader of wanted) if (!found.has(reader.topic)) this.#fail(reader, CODE.unknownTopicOrPartition)
  }

  #fail(reader: PartitionReader, code: number): void {
    this.#readers.delete(reader)
    const where = `partition ${reader.partition} of topic ${reader.topic}`
    const gone = code === CODE.offsetOutOfRange
    reader.failed(
      gone
        ? new WaybillError('WAYBILL_POSITION_GONE', `${where} no longer has offset ${reader.offset}`)
        : brokerError(code, where),
      gone,
    )
  }

  #leaderOf({ topic, partition }: PartitionReader): number {
    return this.#session.knownTopic(topic)?.leaders[partition] ?? -1
  }
}

interface Batch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly firstTimestamp: bigint
  readonly attributes: number
  readonly records: readonly {
    readonly offsetDelta: number
    readonly timestampDelta: bigint
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: readonly (readonly [Buffer | null, Buffer | null])[]
  }[]
}

const IS_CONTROL = 0b10_0000

/** The records of fetched batches from `offset` on; those of transactions' markers are not for us. */
export function recordsOf(batches: readonly Batch[], offset: bigint): FetchedRecord[] {
  const records: FetchedRecord[] = []
  for (const { firstOffset, firstTimestamp, attributes, records: raw } of batches) {
    if ((attributes & IS_CONTROL) !== 0) continue
    for (const { offsetDelta, timestampDelta, key, value, headers } of raw) {
      const at = firstOffset + BigInt(offsetDelta)
      // A batch is fetched whole, also when its middle was asked for.
      if (at >= offset)
        records.push({ offset: at, timestamp: Number(firstTimestamp + timestampDelta), key, value, headers })
    }
  }
  return records
}

function hand(reader: PartitionReader, batches: readonly Batch[]): void {
  const last = batches.at(-1)
  if (last === undefined) return
  const records = recordsOf(batches, reader.offset)
  reader.offset = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
  // Also of batches that the cleaner has emptied: it is further on.
  reader.take(records)
}
