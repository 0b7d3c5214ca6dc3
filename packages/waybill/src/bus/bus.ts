import type { AnyCommand, AnyDocument, AnyContracted, AnyEvent } from '../contract/contract.ts'
import type { Middleware } from '../middleware/handler.ts'
import type { Duration } from '../runtime/duration.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { TransportFactory } from '../transport/transport-factory.ts'
import type { TransportSnapshot } from '../transport/transport.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import type { Logger } from './logger.ts'
import type { ReadEvent, ReadOptions } from './reading.ts'
import type { Sender } from './sender.ts'
import type { Service } from './service.ts'

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
  /**
   * `consuming`: the broker has confirmed the subscription. `lost`: it ended and is being taken up again.
   * `stuck`: a handler has not returned although its time-out passed a grace ago. `closed`: drained.
   */
  readonly state: 'consuming' | 'lost' | 'stuck' | 'closed'
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
  /** Since when; `undefined` while it is not attached. */
  readonly since: Date | undefined
  /** Messages that wait for its group, all members together; the last number known, `undefined` where none is. */
  readonly lag: number | undefined
}

export interface BusHealth {
  /** Connected, and every subscription consuming and attached. */
  readonly healthy: boolean
  readonly connected: boolean
  /** Why the broker holds publishers back (memory, disk): sends wait. `undefined` while it does not. */
  readonly blocked: string | undefined
  readonly subscriptions: readonly SubscriptionHealth[]
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
  read<M extends AnyEvent>(event: M, options?: ReadOptions): AsyncIterable<ReadEvent<M>>
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
