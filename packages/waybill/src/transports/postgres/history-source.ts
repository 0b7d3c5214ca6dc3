import { messageOf, type StoredMessage } from '../../message/stored-message.ts'
import type { Intake, LocalAttachment, LocalSource } from '../../transport/local-source.ts'
import type { SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { checkPositions, positionOf } from './group-start.ts'
import { Looking } from './looking.ts'
import { historyOf } from './names.ts'
import type { Wire } from './wire.ts'

const MOST_ROWS = 500
/** A message is read once no transaction is left that could store one before it; that is soon over, and nobody tells. */
const LOOK_AGAIN_MS = 50

type Row = StoredMessage & { readonly id: string; readonly xact: string; readonly shard: number; readonly type: string }

interface Place {
  readonly xact: bigint
  readonly id: bigint
}

const BEGINNING: Place = { xact: 0n, id: 0n }

/** Where it is, from one attachment to the next. */
interface Progress {
  at: Place
  /** What it begins behind has been found. */
  isBegun: boolean
}

/**
 * A reader that begins in the past. It reads what is kept, in the order of the transactions that stored it; and nothing of a
 * transaction before all older ones have ended, so that what it has passed is complete. A long transaction that writes,
 * anywhere on the server, holds such readers back, and nobody else. It goes on where it was after its link was down.
 */
export class HistorySource implements LocalSource {
  readonly address: string | undefined = undefined
  readonly hasGaps: boolean = false
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #begins: ReadonlyMap<number, Place>
  readonly #progress: Progress

  constructor(spec: SubscriptionSpec, context: Context) {
    const { group, start, shards } = spec
    this.#spec = spec
    this.#context = context
    const positions = typeof start === 'object' && 'positions' in start ? Object.entries(start.positions) : []
    this.#begins = new Map(positions.map(([shard, position]) => [Number(shard), placeOf(position)]))
    const all = shards ?? Array.from({ length: group.channel.shards }, (_, n) => n)
    const at = all.map((shard) => this.#begins.get(shard) ?? BEGINNING).reduce((a, b) => (isBehind(a, b) ? b : a))
    this.#progress = { at, isBegun: false }
  }

  attachment(intake: Intake): LocalAttachment {
    return new HistoryAttachment(this.#spec, this.#context, this.#begins, this.#progress, intake)
  }
}

class HistoryAttachment implements LocalAttachment {
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #begins: ReadonlyMap<number, Place>
  readonly #progress: Progress
  readonly #intake: Intake
  readonly #wire: Wire
  readonly #looking: Looking
  readonly #sinceMs: number
  #channelId: number | undefined
  #unlisten: (() => void) | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    begins: ReadonlyMap<number, Place>,
    progress: Progress,
    intake: Intake,
  ) {
    const { runtime, settings } = context
    const { start } = spec
    this.#spec = spec
    this.#context = context
    this.#begins = begins
    this.#progress = progress
    this.#intake = intake
    this.#wire = context.wire()
    this.#sinceMs = typeof start === 'object' && 'time' in start ? Math.ceil(start.time) : 0
    this.#looking = new Looking(runtime, settings.pollMs, () => this.#look(), (error) => this.#failed(error)) // prettier-ignore
  }

  /** @throws {WaybillError} WAYBILL_POSITION_GONE */
  async begin(): Promise<void> {
    const { declarer, settings, sql } = this.#context
    const { group, start } = this.#spec
    const channelId = await declarer.channel(group.channel)
    if (!this.#progress.isBegun) await checkPositions(this.#wire, sql, channelId, group, start)
    this.#progress.isBegun = true
    this.#unlisten = await this.#wire.listen(historyOf(settings.schema, channelId), () => {
      this.#looking.soon()
      this.#looking.within(LOOK_AGAIN_MS)
    })
    this.#channelId = channelId
  }

  freed(): void {
    this.#looking.soon()
  }

  leave(): Promise<void> {
    return this.#looking.end()
  }

  end(): void {
    void this.#looking.end()
    this.#unlisten?.()
  }

  #failed(error: unknown): void {
    // A link that is down says so itself.
    if (!this.#wire.isEnded) this.#intake.lost(error)
  }

  async #look(): Promise<void> {
    const room = Math.min(this.#intake.room(), MOST_ROWS)
    if (room <= 0 || this.#channelId === undefined) return
    const { group, shards } = this.#spec
    const { xact, id } = this.#progress.at
    const values = [this.#channelId, String(xact), String(id), room, shards ?? null, this.#sinceMs]
    const rows = await this.#wire.consume.run<Row>(this.#context.sql.history, values)
    // What is not taken in is not passed by: it is read again.
    if (!this.#intake.isOpen) return
    for (const row of rows) {
      const at = { xact: BigInt(row.xact), id: BigInt(row.id) }
      this.#progress.at = at
      const begin = this.#begins.get(row.shard)
      if (begin !== undefined && !isBehind(at, begin)) continue
      if (group.types?.includes(row.type) === false) continue
      this.#intake.add(messageOf(row), row.shard, positionOf(row.xact, row.id))
    }
    if (rows.length > 0) this.#looking.soon()
  }
}

function placeOf(position: string): Place {
  const [xact = '', id = ''] = position.split('.')
  return /^\d+$/.test(xact) && /^\d+$/.test(id) ? { xact: BigInt(xact), id: BigInt(id) } : BEGINNING
}

function isBehind(a: Place, b: Place): boolean {
  return a.xact === b.xact ? a.id > b.id : a.xact > b.xact
}
