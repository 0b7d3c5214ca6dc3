import { durationMs, type Duration } from '../../runtime/duration.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { Transport } from '../../transport/transport.ts'
import { AmqpTransport } from '../amqp/amqp-transport.ts'
import type { BrokerAddresses } from '../rabbitmq/broker-address.ts'
import { FolderBroker } from './folder-broker.ts'
import { SharedEngine } from './shared-engine.ts'

export interface SharedOptions {
  readonly dir: string
  /** The broker ends when no service has been connected for so long. Default 30 s, at least 100 ms. The service that starts it decides. */
  readonly idleTimeout?: Duration
  /** A stopped broker is noticed after two of them. Default 5. */
  readonly heartbeatSeconds?: number
}

/** A service that has found the broker needs a moment to connect. */
const LEAST_IDLE_MS = 100
/** On this machine, to a broker that has just answered. */
const CONNECT_TIMEOUT_MS = 5_000
/** A broker that was killed is started again by who tries first: nothing is gained by waiting. */
const BACK_OFF = { firstMs: 0, longestMs: 2_000 }

/**
 * The broker of a folder, in a process of its own that the services of this machine share, and start when it is away.
 *
 * @throws {TypeError} when the folder has no name or the time is too short
 */
export function shared({ dir, idleTimeout = '30s', heartbeatSeconds = 5 }: SharedOptions): TransportFactory {
  const idleMs = durationMs(idleTimeout)
  if (dir === '') throw new TypeError('dir must name a folder')
  if (idleMs < LEAST_IDLE_MS) throw new TypeError(`idleTimeout must be ${LEAST_IDLE_MS} ms or longer`)
  return (runtime) => {
    const broker = new FolderBroker(dir, idleMs, runtime)
    return sharedTransport((signal) => broker.addresses(signal), heartbeatSeconds, runtime)
  }
}

/** A transport to the broker that `addresses` finds. */
export function sharedTransport(addresses: BrokerAddresses, heartbeatSeconds: number, runtime: Runtime): Transport {
  const options = { heartbeatSeconds, connectTimeoutMs: CONNECT_TIMEOUT_MS }
  return new AmqpTransport(
    new SharedEngine({ name: 'embedded', addresses, options, backOff: BACK_OFF }, runtime),
    runtime,
  )
}
