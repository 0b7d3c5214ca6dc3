import type * as JetStream from '@nats-io/jetstream'
import type * as Kv from '@nats-io/kv'
import type * as Nats from '@nats-io/transport-node'
import { WaybillError } from '../../message/errors.ts'

/** The official clients. */
export interface Driver {
  readonly nats: typeof Nats
  readonly jetstream: typeof JetStream
  readonly kv: typeof Kv
}

/**
 * Loaded when first needed: who never leaves the process does not pay for it.
 *
 * @throws {WaybillError} WAYBILL_DRIVER_MISSING when one is not installed
 */
export async function loadDriver(load: () => Promise<Driver> = loadAll): Promise<Driver> {
  try {
    return await load()
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing) throw cause
    throw new WaybillError('WAYBILL_DRIVER_MISSING', 'the NATS transport needs the official client', {
      cause,
      cure: 'npm i @nats-io/transport-node @nats-io/jetstream @nats-io/kv',
    })
  }
}

async function loadAll(): Promise<Driver> {
  const [nats, jetstream, kv] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/jetstream'),
    import('@nats-io/kv'),
  ])
  return { nats, jetstream, kv }
}
