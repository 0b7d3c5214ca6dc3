import type { AnyCommand, AnyDocument } from '../../contract/contract.ts'
import type { Middleware } from '../../middleware/handler.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import type { Logger } from '../observation/logger.ts'
import type { Service } from '../service/service.ts'

/** How what is committed in a store comes to the broker. */
export interface OutboxOptions {
  /** Whether this process relays. Default true; false for one that only writes, while others run. */
  readonly relay?: boolean
  /** How often the outbox is looked at where nobody tells of a commit. Default `'1s'`. */
  readonly poll?: Duration
  /** How long the part of the outbox that a process relayed waits for it when it dies. At least a second, default `'15s'`. */
  readonly lease?: Duration
  /** Messages read at a time, from 1 to 10,000. Default 512. */
  readonly batch?: number
  /** Refusals of the broker after which a message is parked, until somebody unparks it. Default 10. */
  readonly attempts?: number
  /** A message that waits for longer makes the bus unhealthy. Default `'1m'`. */
  readonly maxLag?: Duration
}

export interface BusOptions {
  /** Default: from `WAYBILL_URL`, else the embedded broker in `.waybill` at the workspace's root. */
  readonly transport?: TransportFactory
  /** The services to run here. None: the bus only sends. */
  readonly services?: readonly Service[]
  /** Commands and documents to give a queue before any service has claimed them, so that sending them first is not refused. */
  readonly declare?: readonly (AnyCommand | AnyDocument)[]
  /**
   * Who sends, where no service does: the CloudEvents source. Letters, digits and `._-`, at most 63. Default the only
   * service's name, else `bus`.
   */
  readonly name?: string
  /** Wraps every handler of every service; the first one is the outermost. */
  readonly middleware?: readonly Middleware[]
  /** Default writes warnings and errors to standard error. One that throws disturbs nothing. */
  readonly logger?: Logger
  /** How long a send may take, a lost link included. Default `'30s'`. */
  readonly sendTimeout?: Duration
  /** How long a request waits for its reply. Default `'10s'`. */
  readonly requestTimeout?: Duration
  /** How long connecting and subscribing may take at the start. Default `'30s'`. */
  readonly startTimeout?: Duration
  /** How long a drain waits for handlers, sends and replies before it gives up on them. Default `'25s'`. */
  readonly drainTimeout?: Duration
  /** Signals that drain the bus. Default `['SIGTERM']`; `[]` for none. */
  readonly drainOn?: readonly NodeJS.Signals[]
  /** Deliveries without settlement after which a message is poison: put aside unhandled, its requester told. Default 20. */
  readonly maxDeliveries?: number
  /** A message with a larger body is logged as a warning. Default 1 MiB. */
  readonly warnBodyBytes?: number
  /** The database of `bus.in(tx)` and `bus.schedule()`; of services, see `service(name, { store })`. May be the same object. */
  readonly store?: Store<unknown>
  /** How stores are relayed. */
  readonly outbox?: OutboxOptions
  /**
   * How long dead letters are kept at most before they are redriven or thrown away: the inbox of a service with a store must
   * remember for longer. Default `'14d'`.
   */
  readonly deadLetterLife?: Duration
  /** Time, timers, dice and ids. Default the system's. */
  readonly runtime?: Runtime
}
