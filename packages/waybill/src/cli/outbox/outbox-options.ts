// Words on the command line of `waybill outbox`, read and checked.
import type { ParkedWhere } from '../../outbox/parked-rows.ts'
import { given, instant } from '../dlq/dlq-options.ts'
import { UsageError } from '../usage-error.ts'

/** As they come from the command line: each repeatable option is a list. */
export interface OutboxOptions {
  readonly url?: string
  readonly json?: boolean
  readonly position?: readonly string[]
  readonly id?: readonly string[]
  readonly channel?: readonly string[]
  readonly type?: readonly string[]
  readonly key?: readonly string[]
  readonly text?: string
  readonly since?: string
  readonly before?: string
  readonly all?: boolean
  readonly limit?: string
  readonly after?: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly body?: boolean
  readonly by?: string
  readonly note?: string
}

/** @throws {UsageError} */
export function parkedWhereOf(options: OutboxOptions, now: number): ParkedWhere {
  const { position, id, channel, type, key, text, since, before } = options
  return given({
    position: position?.map((each) => positionOf('--position', each)),
    id,
    channel,
    type,
    key,
    text,
    since: since === undefined ? undefined : instant('--since', since, now),
    before: before === undefined ? undefined : instant('--before', before, now),
  })
}

/**
 * The selection of a verb that changes something: said outright, if it is everything.
 *
 * @throws {UsageError}
 */
export function parkedSelectionOf(options: OutboxOptions, now: number): ParkedWhere {
  const where = parkedWhereOf(options, now)
  const isSelective = Object.keys(where).length > 0
  if (!isSelective && options.all !== true)
    throw new UsageError('say which parked messages: --id, --channel, --text …, or --all')
  if (isSelective && options.all === true) throw new UsageError('--all takes no conditions beside it')
  return where
}

/** @throws {UsageError} */
export function positionOf(name: string, text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text)
  throw new UsageError(`${name} must be a position, as \`waybill outbox list\` shows it, not ${text}`)
}
