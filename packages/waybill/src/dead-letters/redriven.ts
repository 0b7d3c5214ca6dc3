import { AWAITED_HEADER } from '../message/awaited.ts'
import { FAILURE_HEADERS, PUT_OFF_HEADER, type DeadLetterReason } from '../message/failure.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { withoutParked, withRedrive, type Hand } from './marks.ts'

/**
 * The message as its group gets it again: the same id and history, the first attempt. An instant after which nobody wants
 * it that has passed is dropped, because somebody wants it now; a caller that waited has gone.
 *
 * @param run told apart from other calls
 */
export function redriven(letter: WireMessage, { at, by, note }: Hand, run: string): WireMessage {
  const {
    [FAILURE_HEADERS.reason]: reason,
    [FAILURE_HEADERS.detail]: _detail,
    [FAILURE_HEADERS.at]: diedAt,
    [FAILURE_HEADERS.channel]: _channel,
    [FAILURE_HEADERS.group]: _group,
    [PUT_OFF_HEADER]: _putOff,
    [AWAITED_HEADER]: awaited,
    ...headers
  } = letter.headers
  const record = {
    at,
    by,
    run,
    ...(note === undefined ? {} : { note }),
    ...(reason === undefined ? {} : { reason: reason as DeadLetterReason }), // Waybill's own header
    ...(diedAt === undefined ? {} : { diedAt: Number(diedAt) }),
  }
  return {
    ...letter,
    attempt: 1,
    expiresAt: letter.expiresAt !== undefined && letter.expiresAt > at ? letter.expiresAt : undefined,
    replyTo: awaited === undefined ? letter.replyTo : undefined,
    headers: withRedrive(withoutParked(headers), record),
  }
}
