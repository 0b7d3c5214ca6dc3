import type { Runtime } from '../runtime/runtime.ts'
import type { Transport } from './transport.ts'

/** Makes the transport of one bus. What a user passes as `createBus({ transport: rabbitmq({ … }) })`. */
export type TransportFactory = (runtime: Runtime) => Transport
