import type { ErrorCode } from '../../message/error-codes.ts'
import { isWaybillError } from '../../message/errors.ts'

/** How a broker process ends, for scripts and supervisors. */
export const EXIT_CODES_TEXT = `Exit codes:
  0  it was asked to end (SIGTERM, SIGINT)
  1  a fault in the program
  2  wrong arguments
  3  another process has the folder
  4  the port is taken
  5  the store is damaged
  6  a newer version wrote the store
  7  the folder cannot be made or written
  8  the disk failed while it ran: start it again, nothing confirmed is lost
  9  the folder was removed while it ran`

const EXIT_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  WAYBILL_STORE_IN_USE: 3,
  WAYBILL_ADDRESS_IN_USE: 4,
  WAYBILL_STORE_DAMAGED: 5,
  WAYBILL_STORE_VERSION: 6,
  WAYBILL_STORE_UNWRITABLE: 7,
  WAYBILL_STORE_FAILED: 8,
}

export const EXIT_ASKED = 0
const EXIT_FAULT = 1
export const EXIT_USAGE = 2
export const EXIT_FOLDER_GONE = 9

/** The exit code for what ended a broker process. */
export function exitCodeOf(error: unknown): number {
  return (isWaybillError(error) ? EXIT_CODES[error.code] : undefined) ?? EXIT_FAULT
}
