// What an operator's hand leaves on a message: edits, redrives, and that it is parked. All values are JSON text.
import type { DeadLetterReason } from '../message/failure.ts'
import type { Headers } from '../message/wire-message.ts'

export const MARK_HEADERS = {
  /** {@link EditRecord}s, oldest first, at most {@link MAX_MARKS}. */
  edits: 'waybill-edits',
  /** {@link RedriveRecords}. */
  redriven: 'waybill-redriven',
  /** {@link ParkedMark}. */
  parked: 'waybill-parked',
} as const

/** Records of one sort; the first is always kept, older ones make room for newer. */
export const MAX_MARKS = 16
/** Characters of a name, and of a note. */
export const MAX_BY = 100
export const MAX_NOTE = 500

export interface EditRecord {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Who said so. */
  readonly by: string
  /** What is other than before: `body`, `key`, `contentType`, `headers.<name>`. */
  readonly changed: readonly string[]
  /** SHA-256 of the body as it was, in hexadecimal digits. */
  readonly bodyBefore: string
  readonly note?: string
}

export interface RedriveRecord {
  readonly at: number
  readonly by: string
  /** The call that did it: equal for all letters of one. */
  readonly run: string
  readonly note?: string
  /** Why it was a dead letter, and since when, where that was written on it. */
  readonly reason?: DeadLetterReason
  readonly diedAt?: number
}

export interface RedriveRecords {
  /** How often, those included that are no longer listed. */
  readonly count: number
  readonly times: readonly RedriveRecord[]
}

export interface ParkedMark {
  readonly at: number
  readonly by: string
  readonly note?: string
}

export interface Hand {
  readonly at: number
  readonly by: string
  readonly note?: string
}

export function readEdits(headers: Headers): readonly EditRecord[] {
  const list = parsed(headers[MARK_HEADERS.edits])
  return Array.isArray(list) ? (list as EditRecord[]) : []
}

export function withEdit(headers: Headers, record: EditRecord): Headers {
  return { ...headers, [MARK_HEADERS.edits]: JSON.stringify(bounded([...readEdits(headers), record])) }
}

export function readRedriven(headers: Headers): RedriveRecords {
  const found = parsed(headers[MARK_HEADERS.redriven])
  if (typeof found !== 'object' || found === null || !('times' in found) || !Array.isArray(found.times)) return NEVER
  const times = found.times as RedriveRecord[]
  const count = 'count' in found && Number.isSafeInteger(found.count) ? Number(found.count) : times.length
  return { count, times }
}

export function withRedrive(headers: Headers, record: RedriveRecord): Headers {
  const { count, times } = readRedriven(headers)
  const records: RedriveRecords = { count: count + 1, times: bounded([...times, record]) }
  return { ...headers, [MARK_HEADERS.redriven]: JSON.stringify(records) }
}

export function readParked(headers: Headers): ParkedMark | undefined {
  const found = parsed(headers[MARK_HEADERS.parked])
  return typeof found === 'object' && found !== null && 'at' in found ? (found as ParkedMark) : undefined
}

export function withParked(headers: Headers, mark: ParkedMark): Headers {
  return { ...headers, [MARK_HEADERS.parked]: JSON.stringify(mark) }
}

export function withoutParked(headers: Headers): Headers {
  const { [MARK_HEADERS.parked]: _, ...rest } = headers
  return rest
}

const NEVER: RedriveRecords = { count: 0, times: [] }

function bounded<T>(list: T[]): T[] {
  if (list.length > MAX_MARKS) list.splice(1, list.length - MAX_MARKS)
  return list
}

/** An ordinary client's header by the same name is not ours to read, and no reason to fail. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
