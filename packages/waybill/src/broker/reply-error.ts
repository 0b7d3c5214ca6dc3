import type { ErrorCode } from '../message/error-codes.ts'
import { WaybillError } from '../message/errors.ts'

/** Reply codes of AMQP 0-9-1 (section 1.3, Constants) that close a channel. */
export type ReplyCode = 403 | 404 | 405 | 406

const CODES: Readonly<Record<ReplyCode, { readonly name: string; readonly code: ErrorCode }>> = {
  403: { name: 'ACCESS_REFUSED', code: 'WAYBILL_ACCESS_REFUSED' },
  404: { name: 'NOT_FOUND', code: 'WAYBILL_NOT_FOUND' },
  405: { name: 'RESOURCE_LOCKED', code: 'WAYBILL_ACCESS_REFUSED' },
  406: { name: 'PRECONDITION_FAILED', code: 'WAYBILL_TOPOLOGY_CONFLICT' },
}

/** A refused operation: on the wire it closes the channel with `replyCode` and `replyText`. */
export class ReplyError extends WaybillError {
  readonly replyCode: ReplyCode
  /** Contains the name of the entity, which ordinary clients match on. */
  readonly replyText: string

  constructor(replyCode: ReplyCode, what: string, code: ErrorCode = CODES[replyCode].code) {
    super(code, what)
    this.replyCode = replyCode
    this.replyText = `${CODES[replyCode].name} - ${what}`
  }
}
