import type { LaneArrival } from '../../../transport/ordered/shard-gate.ts'
import type { Context } from '../context.ts'
import { positionOf } from '../group-start.ts'
import { Looking } from '../looking.ts'
import { LowWater } from '../low-water.ts'
import { messageOf, type StoredMessage } from '../../../message/stored-message.ts'
import type { Wire } from '../wire.ts'
import type { ShardItem } from './shard-item.ts'

/** How far everything is there that ever will be is asked for after so many messages, or when the last answer is so old. */
const SETTLED_AFTER = 500
const SETTLED_EVERY_MS = 250
/** The lowest id is asked for so often at most; after an answer that took long, as many times that until the next. */
const OUTLOOK_EVERY_MS = 1_000
const OUTLOOK_SHARE = 20

type Row = StoredMessage & {
  readonly id: string
  readonly due: string
  readonly lane: string
  readonly count: number
  readonly xact: string | null
}

/** The former owner was gone without a word, or with messages that it had handed out. */
export interface Suspicion {
  /** When the shard was taken, in milliseconds since the epoch, by the server's clock. */
  readonly at: number
  /** How much of the main queue the former owner may have read and not settled. */
  readonly most: number
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
  /** Before it everything was read that there ever will be: order would be lost where one read on past who commits late. */
  #front = 0
  /** Read since that was found out last. */
  #sinceSettled = 0
  #settledAt = -Infinity
  readonly #suspicion: Suspicion | undefined
  /** Of the main queue, the last one that the former owner may have handed out. */
  #suspectTo = 0
  #isLaneKnown = false
  #ended = false

  constructor(
    context: Context,
    wire: Wire,
    groupId: number,
    shard: number,
    window: number,
    suspicion: Suspicion | undefined,
    events: FeedEvents,
  ) {
    const { runtime, settings } = context
    this.#context = context
    this.#wire = wire
    this.#groupId = groupId
    this.#shard = shard
    this.#window = window
    this.#suspicion = suspicion
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
    let found = isWaterDue ? await this.#readFromWater(room) : await this.#readFromFront(room)
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

  /** A few of the rows that it passes over are dead: those that were settled since the front was moved last. */
  async #readFromFront(room: number): Promise<number> {
    const { runtime, sql } = this.#context
    const now = runtime.monotonic()
    const isBehind = this.#sinceSettled > 0 || this.#front === 0
    const isDue = this.#sinceSettled >= SETTLED_AFTER || (isBehind && now - this.#settledAt >= SETTLED_EVERY_MS)
    if (!isDue) return (await this.#read(this.#front, room)).found
    const [row] = await this.#wire.consume.run<{ settled: string }>(sql.settledIds, [])
    this.#settledAt = now
    this.#sinceSettled = 0
    const { found, to } = await this.#read(this.#front, room)
    // Of a look that was full, no more is known than what it found.
    const settled = Math.min(Number(row?.settled ?? 0), found >= room ? to : Infinity)
    this.#front = Math.max(this.#front, settled + 1)
    return found
  }

  async #readFromWater(room: number): Promise<number> {
    const { runtime } = this.#context
    const began = runtime.monotonic()
    const { found } = await this.#read(this.#lowWater.from(began), room)
    this.#lowWater.looked(began, runtime.monotonic())
    return found
  }

  /** @returns how many, and the largest id of the main queue among them */
  async #read(from: number, room: number): Promise<{ readonly found: number; readonly to: number }> {
    const values = [this.#groupId, this.#shard, from, room, [...this.#known]]
    const rows = await this.#wire.consume.run<Row>(this.#context.sql.shardFetch, values)
    if (this.#ended) return { found: 0, to: 0 }
    let to = 0
    for (const row of rows) {
      const item = itemOf(row, this.#isSuspect(row))
      this.#known.add(item.id)
      if (Number(row.due) === 0) to = Math.max(to, item.id)
      this.#events.fromMain(item)
    }
    this.#sinceSettled += rows.length
    return { found: rows.length, to }
  }

  async #readLane(): Promise<void> {
    const rows = await this.#wire.consume.run<Row>(this.#context.sql.lane, [this.#groupId, this.#shard])
    if (this.#ended) return
    if (this.#suspicion !== undefined) await this.#suspect(this.#suspicion)
    if (this.#ended) return
    for (const row of rows) {
      const delivery = itemOf(row, this.#suspicion !== undefined)
      const { key = '', attempt } = delivery.message
      this.#events.fromLane({ id: row.id, key, sequence: Number(row.lane), attempt, due: Number(row.due), delivery })
    }
    this.#isLaneKnown = true
    this.#events.laneKnown()
  }

  async #suspect({ most }: Suspicion): Promise<void> {
    const values = [this.#groupId, this.#shard, most]
    const [row] = await this.#wire.consume.run<{ to: string | null }>(this.#context.sql.suspects, values)
    this.#suspectTo = Number(row?.to ?? 0)
  }

  #isSuspect({ id, due, count }: Row): boolean {
    if (count > 0 || Number(id) <= this.#suspectTo) return true
    return Number(due) > 0 && this.#suspicion !== undefined && Number(due) <= this.#suspicion.at
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

function itemOf(row: Row, isSuspect: boolean): ShardItem {
  const position = row.xact === null ? undefined : positionOf(row.xact, row.id)
  return { id: Number(row.id), message: messageOf(row), position, isSuspect, deliveryCount: 1, isMoved: false }
}
