import type * as Client from '@platformatic/kafka'
import { WaybillError } from '../../message/errors.ts'

/** What is used of the client: its connections, and the requests of Kafka's protocol. Its producer and consumer are not. */
export type Driver = typeof Client
export type { API, Connection } from '@platformatic/kafka'

/**
 * @platformatic/kafka, loaded when first needed: who never speaks to Kafka does not pay for it.
 *
 * @throws {WaybillError} WAYBILL_DRIVER_MISSING when it is not installed
 */
export async function loadDriver(load: () => Promise<Driver> = () => import('@platformatic/kafka')): Promise<Driver> {
  try {
    return await load()
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing) throw cause
    throw new WaybillError('WAYBILL_DRIVER_MISSING', 'the Kafka transport needs @platformatic/kafka', {
      cause,
      cure: 'npm i @platformatic/kafka',
    })
  }
}
