import { asText } from './as-error.ts'

/** One failed try to handle a message. The list of them travels with it, oldest first. */
export interface FailureRecord {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The try that failed, from 1. */
  readonly attempt: number
  /** The group that failed. */
  readonly group: string
  /** `name` of the error, for instance `TypeError`. */
  readonly name: string
  readonly message: string
  /** `code` of the error where it has one. */
  readonly code?: string
}

/** Why a message is in a dead-letter queue. */
export type DeadLetterReason =
  /** the handler failed until its retries were spent, or with an error that retrying cannot cure */
  | 'failed'
  /** it could not be read or did not match its schema: no handler has seen it */
  | 'malformed'
  /** its type, version or wire format is unknown here */
  | 'unknown'
  /** the handler put it aside itself */
  | 'rejected'
  /** it expired before it was handled */
  | 'expired'
  /** it was delivered too often without being settled */
  | 'poison'

/** Headers of a dead letter, and of a message on its way through a retry. All values are text. */
export const FAILURE_HEADERS = {
  /** JSON array of {@link FailureRecord}, oldest first, at most {@link MAX_FAILURES}. */
  history: 'waybill-failures',
  /** A {@link DeadLetterReason}. */
  reason: 'waybill-dead-reason',
  /** One sentence: the last error's message, or the handler's own reason. */
  detail: 'waybill-dead-detail',
  /** Milliseconds since the epoch. */
  at: 'waybill-dead-at',
  /** The channel, then the group it came from. */
  channel: 'waybill-dead-channel',
  group: 'waybill-dead-group',
} as const

/** Header of a message that was put off: how often. Being put off is no attempt, and leaves no record. */
export const PUT_OFF_HEADER = 'waybill-put-off'

/** Older records make room for newer ones; the first is always kept. */
export const MAX_FAILURES = 16

/** Longest error message kept in a record, in characters. */
export const MAX_FAILURE_TEXT = 1_000

export function failureRecord(error: unknown, at: number, attempt: number, group: string): FailureRecord {
  const isError = error instanceof Error
  const code = isError && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    at,
    attempt,
    group,
    name: isError ? asText(error.name) : typeof error,
    message: asText(isError ? error.message : error).slice(0, MAX_FAILURE_TEXT),
    ...(code === undefined ? {} : { code }),
  }
}

/** The records in `headers`; `[]` when there are none or an ordinary client wrote something else there. */
export function readFailures(headers: Readonly<Record<string, string>>): readonly FailureRecord[] {
  const text = headers[FAILURE_HEADERS.history]
  if (text === undefined) return []
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? (list as FailureRecord[]) : []
  } catch {
    // An ordinary client's header by the same name: not ours to read, and not a reason to lose the message.
    return []
  }
}

/** `headers` with `record` added to the history. */
export function withFailure(headers: Readonly<Record<string, string>>, record: FailureRecord): Record<string, string> {
  const list = [...readFailures(headers), record]
  if (list.length > MAX_FAILURES) list.splice(1, list.length - MAX_FAILURES)
  return { ...headers, [FAILURE_HEADERS.history]: JSON.stringify(list) }
}

/** How often the message with these headers was put off. */
export function timesPutOff(headers: Readonly<Record<string, string>>): number {
  const times = Number(headers[PUT_OFF_HEADER] ?? 0)
  return Number.isSafeInteger(times) && times > 0 ? times : 0
}

/** `headers` of a message that is put off once more. */
export function putOff(headers: Readonly<Record<string, string>>): Record<string, string> {
  return { ...headers, [PUT_OFF_HEADER]: String(timesPutOff(headers) + 1) }
}
