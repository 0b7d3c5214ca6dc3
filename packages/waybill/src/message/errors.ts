import { ERROR_CODES, type ErrorCode, type ErrorScope } from './error-codes.ts'

export interface WaybillErrorOptions {
  /** The native error, or the handler's. */
  readonly cause?: unknown
  /** Replaces the catalogue's cure where a better one is known here. */
  readonly cure?: string
}

/**
 * The one error class of Waybill: tell errors apart by `code`, not by class, so that two copies of the package in one
 * process still understand each other.
 */
export class WaybillError extends Error {
  override readonly name: string = 'WaybillError'
  readonly code: ErrorCode
  readonly scope: ErrorScope
  /** What to do about it. */
  readonly cure: string

  /** @param what what happened here, with the names and numbers of the case */
  constructor(code: ErrorCode, what: string, options: WaybillErrorOptions = {}) {
    const entry = ERROR_CODES[code]
    const cure = options.cure ?? entry.cure
    super(`${code}: ${what}\n  likely cause: ${entry.cause}\n  cure: ${cure}`, { cause: options.cause })
    this.code = code
    this.scope = entry.scope
    this.cure = cure
  }
}

/** Whether `error` is Waybill's, and of the code where one is given. */
export function isWaybillError(error: unknown, code?: ErrorCode): error is WaybillError {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  return code === undefined ? Object.hasOwn(ERROR_CODES, error.code) : error.code === code
}
