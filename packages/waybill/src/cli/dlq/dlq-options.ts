// Words on the command line of `waybill dlq`, read and checked.
import type { DeadLetterReason } from '../../message/failure.ts'
import { durationMs, type Duration } from '../../runtime/duration.ts'
import type { DeadLetterWhere } from '../../dead-letters/where.ts'
import { UsageError } from '../usage-error.ts'

/** As they come from the command line: each repeatable option is a list. */
export interface DlqOptions {
  readonly url?: string
  readonly channel?: string
  readonly group?: string
  readonly kind?: string
  readonly shards?: string
  readonly ordered?: boolean
  readonly foreign?: string
  readonly json?: boolean
  readonly id?: readonly string[]
  readonly type?: readonly string[]
  readonly key?: readonly string[]
  readonly reason?: readonly string[]
  readonly error?: readonly string[]
  readonly text?: string
  readonly since?: string
  readonly before?: string
  readonly parked?: boolean
  readonly all?: boolean
  readonly limit?: string
  readonly after?: string
  readonly rate?: string
  readonly force?: boolean
  readonly by?: string
  readonly note?: string
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly confirm?: string
  readonly body?: string
  readonly contentType?: string
  readonly schemaVersion?: string
  readonly header?: readonly string[]
  readonly removeHeader?: readonly string[]
  readonly newKey?: string
}

const REASONS: readonly DeadLetterReason[] = ['failed', 'malformed', 'unknown', 'rejected', 'expired', 'poison']

/** @throws {UsageError} */
export function whereOf(options: DlqOptions, now: number): DeadLetterWhere {
  const { id, type, key, reason, error, text, since, before, parked } = options
  for (const each of reason ?? [])
    if (!REASONS.some((known) => known === each))
      throw new UsageError(`--reason is one of ${REASONS.join(', ')}, not ${each}`)
  return given({
    id,
    type,
    key,
    reason: reason as readonly DeadLetterReason[] | undefined, // checked above
    error,
    text,
    diedSince: since === undefined ? undefined : instant('--since', since, now),
    diedBefore: before === undefined ? undefined : instant('--before', before, now),
    parked,
  })
}

/**
 * The selection of a verb that changes something: said outright, if it is everything.
 *
 * @throws {UsageError}
 */
export function selectionOf(options: DlqOptions, now: number): DeadLetterWhere {
  const where = whereOf(options, now)
  const isSelective = Object.keys(where).some((name) => name !== 'parked')
  if (!isSelective && options.all !== true)
    throw new UsageError('say which dead letters: --id, --type, --text …, or --all')
  if (isSelective && options.all === true) throw new UsageError('--all takes no conditions beside it')
  return where
}

/** @throws {UsageError} when it is given and no number from `least` */
export function numberOf(
  name: string,
  text: string | undefined,
  { least = 0, isWhole = true }: { readonly least?: number; readonly isWhole?: boolean } = {},
): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= least && (!isWhole || Number.isSafeInteger(value)))
    return value
  throw new UsageError(`${name} must be a ${isWhole ? 'whole ' : ''}number from ${least}, not ${text}`)
}

/** @throws {UsageError} */
export function headersOf({
  header = [],
  removeHeader = [],
}: DlqOptions): Readonly<Record<string, string | undefined>> {
  const headers: Record<string, string | undefined> = {}
  for (const each of header) {
    const at = each.indexOf('=')
    if (at < 1) throw new UsageError(`--header takes name=value, not ${each}`)
    headers[each.slice(0, at)] = each.slice(at + 1)
  }
  for (const name of removeHeader) headers[name] = undefined
  return headers
}

/** Without what is not given. */
export function given<T extends object>(values: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  // The entries that are left have no undefined in them.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

/**
 * A date (RFC 3339), or how long ago: `2h`.
 *
 * @throws {UsageError}
 */
export function instant(name: string, text: string, now: number): Date {
  try {
    return new Date(now - durationMs(text as Duration)) // checked by durationMs
  } catch {
    const date = new Date(text)
    if (Number.isFinite(date.getTime())) return date
    throw new UsageError(`${name} must be a date, 2026-05-01T12:00:00Z, or how long ago, 2h, not ${text}`)
  }
}

/** Reads an option that may be repeated. */
export function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
