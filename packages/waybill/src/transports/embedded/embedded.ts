import { Broker } from '../../broker/broker.ts'
import { openBroker } from '../../broker/open-broker.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { AmqpTransport } from '../amqp/amqp-transport.ts'
import { EmbeddedEngine } from './engine.ts'
import { SharedBroker } from './shared-broker.ts'

export type EmbeddedOptions =
  /** Keeps messages in this folder, which is made when it is missing. One process at a time may open it. */
  | { readonly dir: string }
  /** Keeps nothing: for tests. */
  | { readonly memory: true }

/**
 * The broker in this process. Buses that are given the same `embedded(…)` share one broker, which opens with the first
 * of them, on its runtime, and closes with the last.
 *
 * Connecting rejects with `WAYBILL_STORE_IN_USE` when another process has the folder, `WAYBILL_STORE_DAMAGED` when a
 * record is bad, `WAYBILL_STORE_VERSION` when a newer Waybill wrote it.
 */
export function embedded(options: EmbeddedOptions): TransportFactory {
  let shared: SharedBroker | undefined
  return (runtime) => {
    shared ??= new SharedBroker(() => open(options, runtime))
    return new AmqpTransport(new EmbeddedEngine(shared), runtime)
  }
}

function open(options: EmbeddedOptions, runtime: Runtime): Promise<Broker> {
  return 'dir' in options ? openBroker({ dir: options.dir, runtime }) : Broker.open({ runtime })
}
