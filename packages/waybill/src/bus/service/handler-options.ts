import type { WireMessage } from '../../message/wire-message.ts'
import type { Duration } from '../../runtime/duration.ts'
import type { StartPosition } from '../../transport/transport.ts'
import type { BatchSize, LimitOptions } from './limit-options.ts'

export interface HandlerOptions<Body = unknown> extends LimitOptions<Body> {
  /** Handlers of this subscription that run at a time. Default 16. Handlers that share a subscription share the largest. */
  readonly concurrency?: number
  /** Unsettled deliveries held here. Default twice the concurrency. */
  readonly prefetch?: number
  /** How long a handler may take before its signal aborts; it keeps its slot until it returns. Default `'30s'`. */
  readonly timeout?: Duration
  /**
   * What becomes of a type, version or wire format unknown here. Default `'dead-letter'`. A type that no handler of a
   * shared subscription knows is skipped where one of them says so.
   */
  readonly unknown?: 'dead-letter' | 'skip'
}

export interface SubscriberOptions<Body = unknown> extends HandlerOptions<Body> {
  /**
   * Keeps the order of each key, through failures too, and handles different keys in parallel. Needs a contract with
   * shards. Default false; handlers that share a subscription are all ordered when one is.
   */
  readonly ordered?: boolean
  /**
   * A group of its own instead of the service's name: it receives each event once more. Letters, digits, `_` and `-`, at
   * most 63. Events only.
   */
  readonly group?: string
  /** Every running instance receives each event from now on; nothing is kept for one that is down. Events only. */
  readonly broadcast?: boolean
  /** Where a new group begins. Default `'now'`. */
  readonly start?: StartPosition
}

/** Of a handler of batches. Batches of one subscription run one at a time unless `concurrency` says more. */
export interface BatchOptions extends Omit<SubscriberOptions, 'prefetch'> {
  readonly batch: BatchSize
  /** Unsettled deliveries held here, at least a batch. Default two batches for each that runs. */
  readonly prefetch?: number
}

/** Of the handlers of a service with a store. */
export interface InboxOptions<Body> {
  /**
   * What makes two messages of this type the same, instead of the message's id: for senders that send the same again with
   * a new id. Text that is not empty.
   */
  readonly idempotentBy?: (body: Body, message: WireMessage) => string
  /**
   * What becomes of a message of a numbered sequence when some before it were not handled here. `'report'`: a warning in the
   * log, and the handler sees `ctx.sequence`. `'fail'`: a failed try, so that what is missing may come before the next.
   * Default `'report'`.
   */
  readonly onGap?: 'report' | 'fail'
}
