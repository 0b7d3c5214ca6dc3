import type { LaneArrival } from '../../../transport/ordered/shard-gate.ts'
import type { Context } from '../context.ts'
import { positionOf } from '../group-start.ts'
import { Looking } from '../looking.ts'
import { LowWater } from '../low-water.ts'
import { messageOf, type MessageRow } from '../row-mapping.ts'
import type { Wire } from '../wire.ts'
import type { ShardItem } from './ordered-delivery.ts'

/** The lowest id is asked for so often at most; after an answer that took long, as many times that until the next. */
const OUTLOOK_EVERY_MS = 1_000
const OUTLOOK_SHARE = 20

type Row = MessageRow & {
  readonly id: string
  readonly due: string
  readonly lane: string
  readonly xact: string | null
}

export interface FeedEvents {
  fromLane(arrival: LaneArrival<ShardItem>): void
  /** All of the lane has come. */
  laneKnown(): void
  fromMain(item: ShardItem): void
  failed(error: unknown): void
}

/** Reads one shard for its owner: the lane first, as a whole, then the main queue, at most a window of it at a time. */
export class ShardFeed {
  readonly #context: Context
  readonly #wire: Wire
  readonly #groupId: number
  readonly #shard: number
  readonly #window: number
  readonly #events: FeedEvents
  readonly #looking: Looking
  readonly #lowWater: LowWater
  /** Rows of the main queue that were read, and that the server may still have there. */
  readonly #known = new Set<number>()
  #outlookAt = -Infinity
  #outlookTookMs = 0
  #isLaneKnown = false
  #ended = false

  constructor(context: Context, wire: Wire, groupId: number, shard: number, window: number, events: FeedEvents) {
    const { runtime, settings } = context
    this.#context = context
    this.#wire = wire
    this.#groupId = groupId
    this.#shard = shard
    this.#window = window
    this.#events = events
    this.#lowWater = new LowWater(runtime.monotonic())
    const failed = (error: unknown): void => events.failed(error)
    this.#looking = new Looking(runtime, settings.pollMs, () => this.#look(), failed)
    this.#looking.soon()
  }

  /** There may be something new. */
  look(): void {
    this.#looking.soon()
  }

  /** These are in the main queue no more. */
  gone(...ids: readonly number[]): void {
    for (const id of ids) this.#known.delete(id)
    this.#looking.soon()
  }

  /** Reads no more; resolves when the last look has ended. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#looking.end()
  }

  async #look(): Promise<void> {
    if (!this.#isLaneKnown) await this.#readLane()
    const { runtime } = this.#context
    const room = this.#window - this.#known.size
    if (room <= 0 || this.#ended) return
    const began = runtime.monotonic()
    const isWaterDue = this.#lowWater.isWaterDue(began)
    let found = isWaterDue ? await this.#readFromWater(room) : await this.#read(this.#lowWater.front, room)
    if (!isWaterDue && found === 0) {
      const waterInMs = this.#lowWater.waterIn(began)
      if (waterInMs > 0) this.#looking.within(waterInMs)
      else found = await this.#readFromWater(room)
    }
    if (this.#ended) return
    if (found > 0) this.#looking.soon()
    const since = runtime.monotonic() - this.#outlookAt
    const everyMs = Math.max(OUTLOOK_EVERY_MS, OUTLOOK_SHARE * this.#outlookTookMs)
    if (since >= everyMs) await this.#outlook()
    else if (found === 0) this.#looking.within(everyMs - since)
  }

  async #readFromWater(room: number): Promise<number> {
    const { runtime } = this.#context
    const began = runtime.monotonic()
    const found = await this.#read(this.#lowWater.from(began), room)
    this.#lowWater.looked(began, runtime.monotonic())
    return found
  }

  async #read(from: number, room: number): Promise<number> {
    const values = [this.#groupId, this.#shard, from, room, [...this.#known]]
    const rows = await this.#wire.consume.run<Row>(this.#context.sql.shardFetch, values)
    if (this.#ended) return 0
    for (const row of rows) {
      const item = itemOf(row)
      this.#known.add(item.id)
      if (Number(row.due) === 0) this.#lowWater.read(item.id)
      this.#events.fromMain(item)
    }
    return rows.length
  }

  async #readLane(): Promise<void> {
    const rows = await this.#wire.consume.run<Row>(this.#context.sql.lane, [this.#groupId, this.#shard])
    if (this.#ended) return
    for (const row of rows) {
      const delivery = itemOf(row)
      const { key = '', attempt } = delivery.message
      this.#events.fromLane({ id: row.id, key, sequence: Number(row.lane), attempt, due: Number(row.due), delivery })
    }
    this.#isLaneKnown = true
    this.#events.laneKnown()
  }

  async #outlook(): Promise<void> {
    const { runtime, sql } = this.#context
    this.#outlookAt = runtime.monotonic()
    const values = [this.#groupId, this.#shard, this.#lowWater.low]
    const [row] = await this.#wire.consume.run<{ due_in: string | null; lowest: string }>(sql.shardOutlook, values)
    this.#outlookTookMs = runtime.monotonic() - this.#outlookAt
    if (row === undefined || this.#ended) return
    this.#lowWater.saw(Number(row.lowest), runtime.monotonic())
    if (row.due_in !== null) this.#looking.within(Number(row.due_in))
  }
}

function itemOf(row: Row): ShardItem {
  const position = row.xact === null ? undefined : positionOf(row.xact, row.id)
  return { id: Number(row.id), message: messageOf(row), position, isMoved: false }
}
