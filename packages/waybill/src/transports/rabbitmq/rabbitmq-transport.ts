import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../../transport/transport.ts'
import { AmqpTransport } from '../amqp/amqp-transport.ts'
import { RabbitmqEngine, type RabbitmqEngineSettings } from './engine.ts'

export function rabbitmqTransport(settings: RabbitmqEngineSettings, runtime: Runtime): Transport {
  return new AmqpTransport(new RabbitmqEngine(settings, runtime), runtime)
}
