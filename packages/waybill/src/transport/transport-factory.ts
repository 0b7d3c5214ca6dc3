import type { Runtime } from '../runtime/runtime.ts'
import type { Transport } from './transport.ts'

/**
 * Makes the transport of one bus. What a user passes as `createBus({ transport: rabbitmq({ … }) })`. It may load its code
 * then, so that a program loads no transport but the one it uses.
 */
export type TransportFactory = (runtime: Runtime) => Transport | Promise<Transport>

/** Of an engine that is a database: what is sent within a transaction of the user's there is stored with it (`bus.in(tx)`). */
export type DatabaseTransportFactory<Tx> = TransportFactory & {
  readonly database: true
  /** For the compiler alone: never present at run time. */
  readonly '~tx'?: (tx: Tx) => void
}
