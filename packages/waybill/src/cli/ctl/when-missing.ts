import type { CtlError } from './ctl-error.ts'
import { RefusedRequest } from './management-client.ts'

/** For `catch`: gives `value` for 404. */
export function whenMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof RefusedRequest && error.status === 404) return value
    throw error
  }
}

/** For `catch`: throws `other` for 404. */
export function orThrow(other: CtlError): (error: unknown) => never {
  return (error) => {
    throw error instanceof RefusedRequest && error.status === 404 ? other : error
  }
}
