import type { AnyContracted, AnyStoredEvent } from '../contract/contract.ts'
import type { DeadLetters } from '../dead-letters/dead-letters.ts'
import type { Duration } from '../runtime/duration.ts'
import type { EngineFacts } from '../transport/engine-facts.ts'
import type { Verdicts } from '../verdict/route-verdict.ts'
import type { AnyKept, DeadLettersOptions } from './dead-letters/dead-letters-options.ts'
import type { BusHealth } from './health/bus-health.ts'
import type { SubscriptionControl } from './subscription/subscription-control.ts'
import type { ReadEvent, ReadOptions } from './reading/reading.ts'
import type { Sender } from './sending/sender.ts'
import type { Service } from './service/service.ts'
import type { DatabaseSender, Scheduler, TransactionSender } from './sending/transaction-sender.ts'

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
