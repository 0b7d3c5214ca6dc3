import type { Runtime } from '../runtime/runtime.ts'
import type { Transport } from './transport.ts'

/**
 * Makes the transport of one bus. What a user passes as `createBus({ transport: rabbitmq({ … }) })`. It may load its code
 * then, so that a program loads no transport but the one it uses.
 */
export type TransportFactory = (runtime: Runtime) => Transport | Promise<Transport>
