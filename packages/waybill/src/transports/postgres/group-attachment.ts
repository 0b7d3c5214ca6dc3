import type { Group } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { Looking } from './looking.ts'
import { LowWater } from './low-water.ts'
import { messagesOf } from './names.ts'
import type { QueueRow } from './queue-delivery.ts'
import { Settlements } from './settlements.ts'
import type { Wire } from './wire.ts'

/** Of one statement. */
const MOST_ROWS = 1_000
/** The outlook costs a statement: so often while messages come, and so soon after the last. */
const OUTLOOK_EVERY_MS = 2_000
const OUTLOOK_APART_MS = 40

export interface AttachmentEvents {
  /** How many more are wanted now. */
  room(): number
  /** Held by this member from now on. */
  fetched(rows: readonly QueueRow[]): void
  failed(error: unknown): void
}

/** One time that a member of an unordered group is attached: its lease, its looks at the queue, its settlements. */
export class GroupAttachment {
  readonly wire: Wire
  readonly groupId: number
  readonly member: number
  readonly settlements: Settlements
  readonly #context: Context
  readonly #events: AttachmentEvents
  readonly #looking: Looking
  readonly #lowWater: LowWater
  #unlisten: (() => void) | undefined
  #outlookAt = -Infinity
  /** When there may be something due, by our own clock. */
  #dueAt = 0

  private constructor(context: Context, wire: Wire, groupId: number, member: number, events: AttachmentEvents) {
    const { runtime, settings, sql } = context
    this.wire = wire
    this.groupId = groupId
    this.member = member
    this.#context = context
    this.#events = events
    this.#lowWater = new LowWater(runtime.monotonic())
    const failed = (error: unknown): void => events.failed(error)
    this.#looking = new Looking(runtime, settings.pollMs, () => this.#look(), failed)
    this.settlements = new Settlements(wire, sql, groupId, member, runtime, {
      retried: (soonestMs) => this.#due(soonestMs),
      failed,
    })
  }

  /** @param former what this member was before: what that held is free at once @param lost the server does not count it in any more */
  static async open(
    context: Context,
    wire: Wire,
    { name }: Group,
    groupId: number,
    former: number | undefined,
    events: AttachmentEvents,
  ): Promise<GroupAttachment> {
    const member = await context.leases.join(wire, groupId, former, (error) => events.failed(error))
    const attachment = new GroupAttachment(context, wire, groupId, member, events)
    try {
      attachment.#unlisten = await wire.listen(messagesOf(context.settings.schema, groupId), () => attachment.look())
    } catch (error) {
      attachment.end()
      throw new Error(`group ${name} could not listen`, { cause: error })
    }
    return attachment
  }

  look(): void {
    this.#looking.soon()
  }

  /** Fetches nothing more; resolves when what was on its way has come. */
  drain(): Promise<void> {
    return this.#looking.end()
  }

  end(): void {
    void this.#looking.end()
    this.settlements.end()
    this.#unlisten?.()
    this.#context.leases.forget(this.member)
  }

  #due(inMs: number): void {
    this.#dueAt = Math.min(this.#dueAt, this.#context.runtime.monotonic() + inMs)
    this.#looking.within(inMs)
  }

  async #look(): Promise<void> {
    const { runtime, sql } = this.#context
    if (this.#events.room() <= 0) return
    if (runtime.monotonic() >= this.#dueAt) {
      this.#dueAt = Infinity
      this.#outlookAt = -Infinity // what else waits is not known any more
      await this.#fetch(sql.fetchDue, [this.groupId, this.member], (row) => Number(row.due))
    }
    if (this.#events.room() <= 0) return
    const found = this.#lowWater.isWaterDue(runtime.monotonic()) ? await this.#fromWater() : await this.#fromFront()
    // Who has room and found something may find more.
    if (found > 0) this.#looking.soon()
    const since = runtime.monotonic() - this.#outlookAt
    if (since >= OUTLOOK_EVERY_MS || (found === 0 && since >= OUTLOOK_APART_MS)) await this.#outlook()
    else if (found === 0) this.#looking.within(OUTLOOK_APART_MS - since)
  }

  async #fromFront(): Promise<number> {
    const { runtime, sql } = this.#context
    const found = await this.#fetch(sql.fetch, [this.groupId, this.member, this.#lowWater.front], byId)
    if (found > 0 || this.#events.room() <= 0) return found
    const waterInMs = this.#lowWater.waterIn(runtime.monotonic())
    if (waterInMs === 0) return await this.#fromWater()
    this.#looking.within(waterInMs)
    return 0
  }

  async #fromWater(): Promise<number> {
    const { runtime, sql } = this.#context
    const began = runtime.monotonic()
    const found = await this.#fetch(sql.fetch, [this.groupId, this.member, this.#lowWater.from(began)], byId)
    this.#lowWater.looked(began, runtime.monotonic())
    return found
  }

  async #fetch(
    statement: Context['sql']['fetch'],
    values: readonly unknown[],
    by: (row: QueueRow) => number,
  ): Promise<number> {
    const room = Math.min(this.#events.room(), MOST_ROWS)
    const rows = await this.wire.consume.run<QueueRow>(statement, [...values, room])
    const sorted = rows.toSorted((a, b) => by(a) - by(b) || byId(a) - byId(b))
    const last = sorted.at(-1)
    if (last === undefined) return 0
    if (by === byId) this.#lowWater.read(byId(last))
    this.#events.fetched(sorted)
    return rows.length
  }

  async #outlook(): Promise<void> {
    const { runtime, sql } = this.#context
    this.#outlookAt = runtime.monotonic()
    const [row] = await this.wire.consume.run<{ due_in: string | null; lowest: string }>(sql.outlook, [
      this.groupId,
      this.#lowWater.low,
    ])
    if (row === undefined) return
    this.#lowWater.saw(Number(row.lowest), runtime.monotonic())
    if (row.due_in !== null) this.#due(Math.max(0, Number(row.due_in)))
  }
}

function byId(row: QueueRow): number {
  return Number(row.id)
}
