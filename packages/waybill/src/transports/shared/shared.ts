import { durationMs, type Duration } from '../../runtime/duration.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { AmqpTransport } from '../amqp/amqp-transport.ts'
import { RabbitmqEngine } from '../rabbitmq/engine.ts'
import { FolderBroker } from './folder-broker.ts'

export interface SharedOptions {
  readonly dir: string
  /** The broker ends when no service has been connected for so long. Default 30 s. The service that starts it decides. */
  readonly idleTimeout?: Duration
  /** A stopped broker is noticed after two of them. Default 5. */
  readonly heartbeatSeconds?: number
}

/** On this machine, to a broker that has just answered. */
const CONNECT_TIMEOUT_MS = 5_000
/** A broker that was killed is started again by who tries first: nothing is gained by waiting. */
const BACK_OFF = { firstMs: 0, longestMs: 2_000 }

/** The broker of a folder, in a process of its own that the services of this machine share, and start when it is away. */
export function shared({ dir, idleTimeout = '30s', heartbeatSeconds = 5 }: SharedOptions): TransportFactory {
  const idleMs = durationMs(idleTimeout)
  return (runtime) => {
    const broker = new FolderBroker(dir, idleMs, runtime)
    const settings = {
      name: 'embedded',
      addresses: (signal: AbortSignal) => broker.addresses(signal),
      options: { heartbeatSeconds, connectTimeoutMs: CONNECT_TIMEOUT_MS },
      backOff: BACK_OFF,
    }
    return new AmqpTransport(new RabbitmqEngine(settings, runtime), runtime)
  }
}
