import { Broker } from '../../broker/broker.ts'
import { openBroker } from '../../broker/open-broker.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { AmqpTransport } from '../amqp/amqp-transport.ts'
import { EmbeddedEngine } from './engine.ts'
import { InProcessBroker } from './in-process-broker.ts'

/** Buses with one factory share one broker, which is opened for the first of them, on its runtime. */
export function inThisProcess(options: { readonly dir: string } | { readonly memory: true }): TransportFactory {
  let broker: InProcessBroker | undefined
  return (runtime) => {
    broker ??= new InProcessBroker(() => open(options, runtime))
    return new AmqpTransport(new EmbeddedEngine(broker), runtime)
  }
}

function open(options: { readonly dir: string } | { readonly memory: true }, runtime: Runtime): Promise<Broker> {
  return 'dir' in options ? openBroker({ dir: options.dir, runtime }) : Broker.open({ runtime })
}
