import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../../transport/transport.ts'
import { AmqpTransport } from '../amqp/amqp-transport.ts'
import type { BrokerAddresses } from '../rabbitmq/broker-address.ts'
import { FolderBroker } from './folder-broker.ts'
import { SharedEngine } from './shared-engine.ts'

export interface FolderOptions {
  readonly dir: string
  readonly idleMs: number
  readonly heartbeatSeconds: number
}

/** On this machine, to a broker that has just answered. */
const CONNECT_TIMEOUT_MS = 5_000
/** A broker that was killed is started again by who tries first: nothing is gained by waiting. */
const BACK_OFF = { firstMs: 0, longestMs: 2_000 }

/** A transport to the broker of a folder. */
export function folderTransport({ dir, idleMs, heartbeatSeconds }: FolderOptions, runtime: Runtime): Transport {
  const broker = new FolderBroker(dir, idleMs, runtime)
  return sharedTransport((signal) => broker.addresses(signal), heartbeatSeconds, runtime)
}

/** A transport to the broker that `addresses` finds. */
export function sharedTransport(addresses: BrokerAddresses, heartbeatSeconds: number, runtime: Runtime): Transport {
  const options = { heartbeatSeconds, connectTimeoutMs: CONNECT_TIMEOUT_MS }
  return new AmqpTransport(
    new SharedEngine({ name: 'embedded', addresses, options, backOff: BACK_OFF }, runtime),
    runtime,
  )
}
