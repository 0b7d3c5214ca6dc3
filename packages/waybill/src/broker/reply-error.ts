import type { ErrorCode } from '../message/error-codes.ts'
import { WaybillError } from '../message/errors.ts'

/** How far a refusal reaches on the wire (AMQP 0-9-1, section 1.3: constants of the classes soft-error and hard-error). */
export type Closes = 'channel' | 'connection'

/** Reply codes with which a broker refuses an operation. What breaks the protocol itself is a `ConnectionError`. */
export type ReplyCode = 403 | 404 | 405 | 406 | 530

const CODES: Readonly<Record<ReplyCode, { readonly name: string; readonly closes: Closes; readonly code: ErrorCode }>> =
  {
    403: { name: 'ACCESS_REFUSED', closes: 'channel', code: 'WAYBILL_ACCESS_REFUSED' },
    404: { name: 'NOT_FOUND', closes: 'channel', code: 'WAYBILL_NOT_FOUND' },
    405: { name: 'RESOURCE_LOCKED', closes: 'channel', code: 'WAYBILL_ACCESS_REFUSED' },
    406: { name: 'PRECONDITION_FAILED', closes: 'channel', code: 'WAYBILL_TOPOLOGY_CONFLICT' },
    530: { name: 'NOT_ALLOWED', closes: 'connection', code: 'WAYBILL_TOPOLOGY_CONFLICT' },
  }

/** A refused operation: on the wire it closes the channel, or the whole connection, with `replyCode` and `replyText`. */
export class ReplyError extends WaybillError {
  readonly replyCode: ReplyCode
  /** Contains the name of the entity, which ordinary clients match on. */
  readonly replyText: string
  /** The text without the name of the code. */
  readonly what: string
  readonly closes: Closes

  constructor(replyCode: ReplyCode, what: string, code: ErrorCode = CODES[replyCode].code) {
    super(code, what)
    const { name, closes } = CODES[replyCode]
    this.replyCode = replyCode
    this.replyText = `${name} - ${what}`
    this.what = what
    this.closes = closes
  }
}
