import type * as Pg from 'pg'
import { WaybillError } from '../../message/errors.ts'

/** What is used of it. */
export type Driver = Pick<typeof Pg, 'Client'>

/**
 * Loaded when first needed: who never leaves the process does not pay for it.
 *
 * @throws {WaybillError} WAYBILL_DRIVER_MISSING when it is not installed
 */
export async function loadDriver(): Promise<Driver> {
  try {
    const loaded = await import('pg')
    return loaded.default
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing) throw cause
    throw new WaybillError('WAYBILL_DRIVER_MISSING', 'the PostgreSQL transport needs its driver', {
      cause,
      cure: 'npm i pg',
    })
  }
}
