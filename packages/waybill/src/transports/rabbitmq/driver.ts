import type * as Amqplib from 'amqplib'
import { WaybillError } from '../../message/errors.ts'

export type Driver = Pick<typeof Amqplib, 'connect'>

/**
 * amqplib, loaded when first needed: who never leaves the process does not pay for it.
 *
 * @throws {WaybillError} WAYBILL_DRIVER_MISSING when it is not installed
 */
export async function loadDriver(load: () => Promise<unknown> = () => import('amqplib')): Promise<Driver> {
  try {
    const loaded = (await load()) as { readonly default?: Driver } & Driver // CommonJS: named exports may be missing
    return typeof loaded.connect === 'function' ? loaded : (loaded.default as Driver)
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing) throw cause
    throw new WaybillError('WAYBILL_DRIVER_MISSING', 'the RabbitMQ transport needs amqplib', {
      cause,
      cure: 'npm i amqplib',
    })
  }
}
