import type { AnyCommand, AnyDocument, AnyContracted, AnyStoredEvent } from '../contract/contract.ts'
import type { DeadLetters } from '../dead-letters/dead-letters.ts'
import type { Middleware } from '../middleware/handler.ts'
import type { Duration } from '../runtime/duration.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { Store } from '../store/store.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import type { TransportSnapshot } from '../transport/transport.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import type { AnyKept, DeadLettersOptions } from './dead-letters-options.ts'
import type { Logger } from './logger.ts'
import type { ReadEvent, ReadOptions } from './reading.ts'
import type { Sender } from './sender.ts'
import type { Service } from './service.ts'
import type { DatabaseSender, Scheduler, TransactionSender } from './transactional-context.ts'

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

/** The handlers of one service on one channel, as they run now. */
export interface SubscriptionControl {
  readonly service: string
  readonly channel: string
  readonly group: string
  /** Handlers that may run at a time. */
  readonly concurrency: number
  /** Unsettled deliveries held here. */
  readonly prefetch: number
  /** Handlers running now. */
  readonly running: number
  /** Deliveries settled since the start. */
  readonly handled: number
  /** Those among them that the inbox knew, and no handler saw: of a service with a store. */
  readonly duplicates: number
  /**
   * `consuming`: the broker has confirmed the subscription. `lost`: it ended and is being taken up again.
   * `stuck`: a handler has not returned although its time-out passed a grace ago. `closed`: drained.
   */
  readonly state: 'consuming' | 'lost' | 'stuck' | 'closed'
  /** Names of the circuit breakers that pause handlers of it now. */
  readonly pausedBy: readonly string[]
  /**
   * Changes the limits while running; the prefetch follows at twice the concurrency unless given. Handlers that run
   * already are let run.
   *
   * @throws {TypeError} beyond 1 to 10,000 (concurrency) or 65,535 (prefetch)
   */
  tune(limits: { readonly concurrency?: number; readonly prefetch?: number }): void
}

/** How one subscription stands, here and at the broker. */
export interface SubscriptionHealth extends Pick<SubscriptionControl, 'service' | 'channel' | 'group' | 'state'> {
  /** The broker counts it among its consumers. */
  readonly attached: boolean
  /** Names of the circuit breakers that pause handlers of it: what these wait for is not well, the subscription is. */
  readonly pausedBy: readonly string[]
  /** Since when; `undefined` while it is not attached. */
  readonly since: Date | undefined
  /** Messages that wait for its group, all members together; the last number known, `undefined` where none is. */
  readonly lag: number | undefined
}

/** The outbox of one store. */
export interface OutboxHealth {
  readonly store: string
  /** Nothing is parked, and nothing waits for longer than `outbox.maxLag`. */
  readonly healthy: boolean
  /** The database says so; otherwise the numbers below are not known. */
  readonly known: boolean
  /** Messages that are not at the broker yet. */
  readonly waiting: number
  /** Messages that the broker refused too often. */
  readonly parked: number
  readonly scheduled: number
  /** Age of the oldest that waits, in milliseconds. */
  readonly oldestMs: number | undefined
}

export interface BusHealth {
  /** Connected, every subscription consuming and attached, every outbox healthy. */
  readonly healthy: boolean
  readonly connected: boolean
  /** Why the broker holds publishers back (memory, disk): sends wait. `undefined` while it does not. */
  readonly blocked: string | undefined
  readonly subscriptions: readonly SubscriptionHealth[]
  /** One for each store. */
  readonly outboxes: readonly OutboxHealth[]
  /** What the broker itself says. */
  readonly broker: TransportSnapshot
}

export interface Bus extends Sender, AsyncDisposable {
  /** What the engine can do, and its limits. */
  readonly facts: EngineFacts
  readonly subscriptions: readonly SubscriptionControl[]
  /** The subscription that hands `message` to `service`. @throws {TypeError} when there is none */
  subscription(service: string | Service, message: AnyContracted): SubscriptionControl
  /**
   * Reads events outside any group, from the past on where the engine keeps history, and goes on with those that come.
   * Nothing is settled: what the loop has not taken waits. Leaving the loop ends it.
   *
   * @throws {WaybillError} within the loop: `WAYBILL_UNSUPPORTED` where the engine keeps no history, `WAYBILL_POSITION_GONE`
   *   when a position is no longer there, `WAYBILL_SUBSCRIPTION_LOST` when events may have been missed, what `unreadable`
   *   says, `WAYBILL_ABORTED`, `WAYBILL_CLOSED`
   */
  read<M extends AnyStoredEvent>(event: M, options?: ReadOptions): AsyncIterable<ReadEvent<M>>
  /**
   * The dead letters of a group: to look at, search, mend, redrive, park and remove. Nothing is asked of the broker yet.
   *
   * @param group a service, or the name of a service or group. One that this bus does not run is taken to be a group of the
   *   message's channel by that name, and `options` say what it is like.
   * @param message what it handles: bodies are read by its contract, and by those of the other messages that it handles here
   * @throws {TypeError} when the service does not handle `message`
   */
  deadLetters<M extends AnyKept>(group: string | Service, message: M, options?: DeadLettersOptions): DeadLetters<M>
  /** Never rejects: a broker that cannot be asked, or does not answer within five seconds, is not connected. */
  health(): Promise<BusHealth>
  /**
   * What is promised here for each handler and each message sent, from the options and what the engine says of itself: the
   * same that the start-up checked. JSON-able, sorted, the same for the same configuration.
   *
   * @param messages what this bus sends, beside the messages that it handles or declares
   * @throws {WaybillError} `WAYBILL_NOT_CONNECTED`, `WAYBILL_CLOSED` where the engine cannot be asked
   */
  explain(messages?: readonly AnyContracted[]): Promise<Verdicts>
  /**
   * Stops consuming, waits for running handlers, pending sends and requests, and closes. Handlers that do not return in
   * time have their signals aborted, and their messages go back to the broker with no try counted. What is still asked
   * then ends as `WAYBILL_OUTCOME_UNKNOWN`; no promise stays pending. Idempotent: the first call's time-out counts.
   *
   * @param timeout default the bus's `drainTimeout`
   * @throws {TypeError} when it is no duration
   */
  drain(timeout?: Duration): Promise<void>
}

/** A bus with a store. */
export interface TransactionalBus<Tx> extends Bus, Scheduler {
  /**
   * Speaks within a transaction of yours: what is sent is written with it, in the order of the calls, and leaves soon after
   * it has committed. Await each call before you commit.
   *
   * @throws {TypeError} when `tx` is no object
   */
  in(tx: Tx): TransactionSender
}

/** A bus without a store on a transport whose engine is a database. */
export interface DatabaseBus<Tx> extends Bus {
  /**
   * Speaks within a transaction of yours in that database: what is sent is stored by it, in the order of the calls, and is
   * there once it has committed. Await each call before you commit.
   *
   * @throws {TypeError} when `tx` is no object
   */
  in(tx: Tx): DatabaseSender
}
