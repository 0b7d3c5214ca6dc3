// Rows of the outbox for people and for programs.
import { channelOf } from '../../outbox/parked-rows.ts'
import type { ChannelBacklog, OutboxBacklog, OutboxSnapshot, ParkedRow, RemovedRow } from '../../store/store.ts'
import { lengthOfTime } from '../../verdict/length-of-time.ts'
import { bodyJson, bodyText, factLines, tableLines, type Columns, type Fact } from '../shown-text.ts'

/** What there is at a time, and how many relays send it. */
export interface OutboxStatus extends OutboxSnapshot, OutboxBacklog {
  readonly relays: number
}

/** A parked row, perhaps with its body. */
export type ShownRow = ParkedRow & { readonly body?: Uint8Array }

const BACKLOG: Columns<ChannelBacklog> = [
  ['CHANNEL', channelOf],
  ['KIND', ({ to }) => to.kind],
  ['WAITING', ({ waiting }) => String(waiting)],
  ['OLDEST', ({ oldestMs }) => (oldestMs === undefined ? '' : lengthOfTime(oldestMs))],
  ['PARKED', ({ parked }) => String(parked)],
]

const PARKED: Columns<ParkedRow> = [
  ['POSITION', ({ position }) => String(position)],
  ['ID', ({ message }) => message.id],
  ['PARKED', ({ parkedAt }) => instantOf(parkedAt) ?? ''],
  ['CHANNEL', channelOf],
  ['TYPE', ({ message }) => message.type],
  ['KEY', ({ message }) => message.key ?? ''],
  ['ATTEMPTS', ({ attempts }) => String(attempts)],
  ['ERROR', ({ error }) => firstLine(error)],
]

const REMOVED: Columns<RemovedRow> = [
  ['REMOVED', ({ removedAt }) => instantOf(removedAt) ?? ''],
  ['BY', ({ by }) => by],
  ['NOTE', ({ note }) => note],
  ['ID', ({ message }) => message.id],
  ['CHANNEL', channelOf],
  ['TYPE', ({ message }) => message.type],
  ['KEY', ({ message }) => message.key ?? ''],
  ['ERROR', ({ error }) => firstLine(error)],
]

export function statusLines(status: OutboxStatus): readonly string[] {
  const { waiting, oldestMs, parked, scheduled, relays, channels, complete } = status
  const totals = factLines([
    ['waiting', `${waiting}${oldestMs === undefined ? '' : `, the oldest for ${lengthOfTime(oldestMs)}`}`],
    ['parked', String(parked)],
    ['scheduled', String(scheduled)],
    ['relays', String(relays)],
  ])
  if (channels.length === 0) return totals
  const part = complete ? [] : ['not all of it is counted by channel: there is too much']
  return [...totals, '', ...tableLines(BACKLOG, channels), ...part]
}

export function statusJson({ channels, oldestMs, ...status }: OutboxStatus): object {
  const byChannel = channels.map((each) => ({
    channel: channelOf(each),
    kind: each.to.kind,
    waiting: each.waiting,
    oldestMs: each.oldestMs ?? null,
    parked: each.parked,
  }))
  return { ...status, oldestMs: oldestMs ?? null, channels: byChannel }
}

export function parkedTable(rows: readonly ParkedRow[]): readonly string[] {
  return tableLines(PARKED, rows)
}

export function removedTable(rows: readonly RemovedRow[]): readonly string[] {
  return tableLines(REMOVED, rows)
}

/** Everything about one, and its body where it is there. */
export function rowLines(row: ShownRow): readonly string[] {
  const { message, position, attempts, error, bytes, body } = row
  const facts: readonly Fact[] = [
    ['id', message.id],
    ['position', String(position)],
    ['channel', `${channelOf(row)} (${row.to.kind})`],
    ['type', `${message.type} (${message.kind}, version ${message.schemaVersion})`],
    ['key', message.key],
    ['source', message.source],
    ['made', instantOf(message.time)],
    ['written', instantOf(row.writtenAt)],
    ['parked', instantOf(row.parkedAt)],
    ['attempts', String(attempts)],
    ...error.split('\n').map((line, n) => [n === 0 ? 'error' : '', line.trim()] as const),
    ['correlation', message.correlationId],
    ['caused by', message.causationId],
    ['expires', instantOf(message.expiresAt)],
    ...Object.entries(message.headers).map(([name, value]) => [`header ${name}`, value] as const),
    ['body', `${bytes} bytes, ${message.contentType === '' ? 'no content type' : message.contentType}`],
  ]
  return [...factLines(facts), ...(body === undefined ? [] : [bodyText(body)])]
}

export function rowJson(row: ShownRow): object {
  const { message, position, attempts, error, bytes, body } = row
  const { id, type, kind, key, source, schemaVersion, contentType, headers } = message
  const { correlationId, causationId, replyTo, traceparent } = message
  return {
    id, position: String(position), channel: channelOf(row), type, kind, key, source, schemaVersion, contentType,
    time: instantOf(message.time), writtenAt: instantOf(row.writtenAt), parkedAt: instantOf(row.parkedAt), attempts, error,
    correlationId, causationId, expiresAt: instantOf(message.expiresAt), replyTo, traceparent, headers, bytes,
    ...(body === undefined ? {} : bodyJson(body)),
  } // prettier-ignore
}

export function removedJson(row: RemovedRow): object {
  const { number, removedAt, by, note, sha256 } = row
  return { number: String(number), removedAt: instantOf(removedAt), by, note, ...rowJson(row), sha256 }
}

/** Behind it stand the likely cause and the cure. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

/** RFC 3339. What a stranger wrote into the table may be no instant. */
function instantOf(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined
  const date = new Date(ms)
  return Number.isFinite(date.getTime()) ? date.toISOString() : String(ms)
}
