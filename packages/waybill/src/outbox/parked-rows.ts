// Going through what the relay has put aside, oldest first, page by page and without bodies.
import { WaybillError } from '../message/errors.ts'
import type { OutboxTable, ParkedRow } from '../store/store.ts'
import { lineName } from './lines.ts'

const PAGE = 200
/** Rows that are taken up in one transaction, and bytes of their bodies, which the database copies. */
const BATCH = 100
const BATCH_BYTES = 16 * 1024 * 1024
/** Keys that are kept in mind because a row of theirs stays parked. */
const MAX_KEYS = 100_000
/** Refusals that are told in full; the rest is counted. */
const MAX_REFUSALS = 100

/** Each list is one of several, and all that is given must hold. */
export interface ParkedWhere {
  readonly position?: readonly bigint[]
  readonly id?: readonly string[]
  readonly channel?: readonly string[]
  readonly type?: readonly string[]
  readonly key?: readonly string[]
  /** In the error, whatever the case of its letters. */
  readonly text?: string
  /** Parked then or later, or before then. What was parked by a version that did not note it is neither. */
  readonly since?: Date
  readonly before?: Date
}

export interface UnparkOptions {
  /** Rows at most. Default all. */
  readonly limit?: number
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean
  /** Also a row of whose key an older one stays parked. */
  readonly force?: boolean
  /** Ends it with `WAYBILL_ABORTED`: what was done is done. */
  readonly signal: AbortSignal
}

export interface UnparkResult {
  readonly looked: number
  readonly done: number
  /** Rows that were asked for and stay parked, for a reason; and the reasons of the first 100. */
  readonly refused: number
  readonly refusals: readonly { readonly id: string; readonly why: string }[]
}

/** The name of its channel, or the return address. */
export function channelOf({ to }: Pick<ParkedRow, 'to'>): string {
  return to.kind === 'address' ? to.address : (to.foreign ?? to.name)
}

export function isWanted(
  row: ParkedRow,
  { position, id, channel, type, key, text, since, before }: ParkedWhere,
): boolean {
  const among = <T>(values: readonly T[] | undefined, value: T): boolean => values?.includes(value) ?? true
  const { message, parkedAt } = row
  return (
    among(position, row.position) &&
    among(id, message.id) &&
    among(channel, channelOf(row)) &&
    among(type, message.type) &&
    (key === undefined || (message.key !== undefined && key.includes(message.key))) &&
    (text === undefined || row.error.toLowerCase().includes(text.toLowerCase())) &&
    (since === undefined || (parkedAt !== undefined && parkedAt >= since.getTime())) &&
    (before === undefined || (parkedAt !== undefined && parkedAt < before.getTime()))
  )
}

/** Parked rows behind `after`. What is parked meanwhile lies behind all others, and may come, too. */
export async function* parkedRows(
  { operations }: Pick<OutboxTable, 'operations'>,
  after: bigint,
  signal?: AbortSignal,
): AsyncGenerator<ParkedRow> {
  for (let from = after; ;) {
    if (signal?.aborted === true) throw aborted('interrupted', signal)
    const page = await operations.parked(from, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    from = last.position
  }
}

/**
 * Lets parked rows go on, oldest first, so that those of one key keep their order. One of whose key an older row stays parked would
 * turn that round: it stays, too.
 */
export async function unparkWhere(
  outbox: OutboxTable,
  where: ParkedWhere,
  { limit = Infinity, dryRun = false, force = false, signal }: UnparkOptions,
): Promise<UnparkResult> {
  // What is refused again meanwhile is not met again: it lies behind as many as there are now.
  const { parked } = await outbox.inspect()
  const older = new OlderRows()
  const refusals: { readonly id: string; readonly why: string }[] = []
  let [looked, done, refused, asked] = [0, 0, 0, 0]
  let batch: ParkedRow[] = []
  const write = async (): Promise<void> => {
    done += dryRun || batch.length === 0 ? batch.length : await outbox.unpark(batch.map(({ position }) => position))
    batch = []
  }
  for await (const row of parkedRows(outbox, 0n)) {
    if (signal.aborted) throw aborted(`interrupted: ${done} messages were unparked, the others stay parked`, signal)
    if (looked >= parked || asked >= limit) break
    looked++
    const wanted = isWanted(row, where)
    const why = wanted && !force ? older.before(row) : undefined
    if (!wanted || why !== undefined) older.add(row)
    if (why !== undefined && refusals.length < MAX_REFUSALS) refusals.push({ id: row.message.id, why })
    if (why !== undefined) refused++
    if (!wanted || why !== undefined) continue
    asked++
    batch.push(row)
    const bytes = batch.reduce((sum, each) => sum + each.bytes, 0)
    if (batch.length >= BATCH || bytes >= BATCH_BYTES) await write()
  }
  await write()
  return { looked, done, refused, refusals }
}

function aborted(what: string, { reason }: AbortSignal): WaybillError {
  return new WaybillError('WAYBILL_ABORTED', what, { cause: reason })
}

/** Keys of which a row stays parked. */
class OlderRows {
  readonly #first = new Map<string, string>()

  add(row: ParkedRow): void {
    const { key, id } = row.message
    if (key === undefined || row.to.kind === 'address' || this.#first.size >= MAX_KEYS) return
    const line = lineName(row)
    if (!this.#first.has(line)) this.#first.set(line, id)
  }

  /** Why `row` must not go on; `undefined` where it may. */
  before(row: ParkedRow): string | undefined {
    if (row.message.key === undefined || row.to.kind === 'address') return undefined
    const older = this.#first.get(lineName(row))
    if (older !== undefined) return `${older}, which is older and of the same key, stays parked`
    return this.#first.size < MAX_KEYS
      ? undefined
      : `older messages of ${MAX_KEYS} keys stay parked, perhaps of its own`
  }
}
