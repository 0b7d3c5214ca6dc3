import type { AnyContracted } from '../../contract/contract.ts'
import { durationMs } from '../../runtime/duration.ts'
import type { NewOutboxRow } from '../../store/store.ts'
import { checkedText } from '../sending/check-identity.ts'
import type { Messenger } from '../sending/messenger.ts'
import type { Sent } from '../sending/sender.ts'
import type { ScheduleOptions } from '../sending/transaction-sender.ts'

/** A message id has room for it and the due time. */
const MAX_SCHEDULE_ID_BYTES = 200
/** What comes more often than this is no schedule but a stream. */
const LEAST_EVERY_MS = 1_000
/** The last instant of a Date (ECMA-262, section 21.4.1.1). */
const LAST_INSTANT = 8.64e15

/** A row of the schedule, and what is told of it. */
export interface Scheduled {
  readonly row: NewOutboxRow
  readonly sent: Sent
}

/**
 * Composes what is to be sent when it is due.
 *
 * @throws {TypeError} when an option is not what it must be
 */
export async function scheduled(
  messenger: Pick<Messenger, 'compose'>,
  message: AnyContracted,
  body: unknown,
  options: ScheduleOptions,
  now: number,
): Promise<Scheduled> {
  const id = checkedScheduleId(options.id)
  if (message.sequence || message.channel.kind === 'signals')
    throw new TypeError(
      `${message.type} cannot be scheduled: ${message.sequence ? 'it is numbered in the order in which it is sent' : 'it is not stored'}`,
    )
  const dueAt = dueAtOf(id, options, now)
  const everyMs = everyMsOf(id, options)
  const { key, headers, expiresIn } = options
  const messageId = `${id}@${dueAt}`
  const composed = await messenger.compose(message, body, {
    // The store names each occurrence of what comes again.
    id: everyMs === undefined ? messageId : id,
    ...(key === undefined ? {} : { key }),
    ...(headers === undefined ? {} : { headers }),
    ...(expiresIn === undefined ? {} : { expiresIn: durationMs(expiresIn) + Math.max(0, dueAt - now) }),
  })
  const row: NewOutboxRow = { message: composed, to: message.channel, dueAt, scheduleId: id }
  return {
    row: everyMs === undefined ? row : { ...row, everyMs },
    sent: { id: messageId, correlationId: composed.correlationId ?? composed.id },
  }
}

/** @throws {TypeError} unless it is text of 1 to 200 bytes */
export function checkedScheduleId(id: unknown): string {
  return checkedText('the id of a schedule', id, MAX_SCHEDULE_ID_BYTES)
}

function dueAtOf(id: string, { at, in: after }: ScheduleOptions, now: number): number {
  if ((at === undefined) === (after === undefined))
    throw new TypeError(`the schedule ${id} needs one of \`at\` and \`in\``)
  const dueAt = after === undefined ? at?.getTime() : now + durationMs(after)
  if (dueAt === undefined || !Number.isFinite(dueAt) || Math.abs(dueAt) > LAST_INSTANT)
    throw new TypeError(`the schedule ${id} is due at no date`)
  return Math.ceil(dueAt)
}

function everyMsOf(id: string, { every }: ScheduleOptions): number | undefined {
  if (every === undefined) return undefined
  const everyMs = durationMs(every)
  if (everyMs < LEAST_EVERY_MS) throw new TypeError(`the schedule ${id} may come again every second at most`)
  return everyMs
}
