import type * as Redis from '@redis/client'
import { WaybillError } from '../../message/errors.ts'

/** The official client. */
export type Driver = typeof Redis

/**
 * Loaded when first needed: who never leaves the process does not pay for it.
 *
 * @throws {WaybillError} WAYBILL_DRIVER_MISSING when it is not installed
 */
export async function loadDriver(): Promise<Driver> {
  try {
    return await import('@redis/client')
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing) throw cause
    throw new WaybillError('WAYBILL_DRIVER_MISSING', 'the Redis transport needs the official client', {
      cause,
      cure: 'npm i @redis/client',
    })
  }
}
