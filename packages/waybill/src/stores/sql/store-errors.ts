// Errors of a driver or its database as Waybill's. They say which statement it was, and never with which values.
import { asText } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { CommitFailed, Failure } from './executor.ts'

/** @param what was being done, for people: `reading the outbox` */
export function storeError(store: string, what: string, failure: Failure, error: unknown): Error {
  if (isWaybillError(error)) return error
  const cause = driverError(error)
  const text = `${store}, ${what}: ${textOf(cause)}`
  switch (failure) {
    case 'denied':
      return new WaybillError('WAYBILL_ACCESS_REFUSED', text, {
        cause,
        cure: 'Grant the user of the database what docs/stores.md lists, or let one who has it run `npx waybill store migrate`.',
      })
    case 'missing':
      return new WaybillError('WAYBILL_NOT_FOUND', text, {
        cause,
        cure: 'Run `npx waybill store migrate --url …`, or open the store once with migrate: true.',
      })
    default:
      return new WaybillError('WAYBILL_DATABASE_FAILED', text, { cause })
  }
}

/** Of a transaction whose work was done. An answer of the database is certain; silence is not. */
export function commitError(store: string, failure: Failure, error: CommitFailed): Error {
  const cause = driverError(error.cause)
  const what = `${store}, committing: ${textOf(cause)}`
  return new WaybillError(failure === 'lost' ? 'WAYBILL_COMMIT_UNKNOWN' : 'WAYBILL_DATABASE_FAILED', what, { cause })
}

/** Most links of a chain of causes that are looked at. */
const MOST_CAUSES = 8

/** What a query builder's error says besides are the values of the statement, which are not to be told. */
function driverError(error: unknown): unknown {
  let each = error
  for (let n = 0; n < MOST_CAUSES && each instanceof Error && each.cause instanceof Error; n++) each = each.cause
  return each
}

function textOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(textOf).join(', ')
  return asText(cause instanceof Error ? cause.message : cause)
}
