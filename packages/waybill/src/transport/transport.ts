// THE SEAM: what a broker must do for Waybill. Bytes and headers cross it; no typed message, no bus, no bag of options.
import type { DeadLetterReason, FailureRecord } from '../message/failure.ts'
import type { WireMessage } from '../message/wire-message.ts'
import type { Channel } from './channel.ts'
import type { DeadLetterVisit } from './dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from './engine-facts.ts'
import type { TransportEvent } from './transport-event.ts'

/**
 * One connection to one engine, safe for concurrent calls. Every method rejects with WAYBILL_CLOSED after `close`, and
 * with WAYBILL_NOT_CONNECTED before `connect`.
 */
export interface Transport {
  /** For messages to people: `rabbitmq`, `embedded`. */
  readonly name: string
  /** Resolves when the link is up; afterwards the transport keeps it up by itself until `close`. Call it once. */
  connect(signal: AbortSignal): Promise<EngineFacts>
  /** Makes the channels and groups exist. Idempotent; a conflict is an error, never an overwrite. */
  declare(topology: Topology): Promise<void>
  /**
   * Hands the batch to the engine; answers each entry, in order. Never rejects for one entry's sake; a batch is no
   * transaction. Entries of one key and channel are stored in the order in which they were handed over.
   */
  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]>
  /**
   * Only where the engine is the user's own database: stores the batch within his transaction `tx`. It is there once that has
   * committed, and never when it is rolled back. Answers as `send` does; where it rejects, the transaction cannot commit.
   */
  sendWithin?(tx: unknown, batch: readonly Outgoing[]): Promise<readonly SendResult[]>
  /**
   * Resolves when the engine has confirmed the subscription, so that what is sent afterwards is not missed. Deliveries
   * come in batches, the first perhaps before it resolves; at most `prefetch` are unsettled at a time. On an ordered
   * subscription at most one delivery per key is unsettled, and a key that failed holds back its successors until it is
   * settled for good. A lost subscription is taken up again without being asked.
   */
  subscribe(spec: SubscriptionSpec, receive: (batch: readonly Delivery[]) => void): Promise<Subscription>
  /** The return address of a durable `reply` channel, for requests whose replies its group will receive. */
  addressOf(channel: Channel): string
  /**
   * What the engine promises for the messages of a group, as it and its channel are configured there; of a group that is not
   * declared, what it will be. Changes nothing. Rejects with WAYBILL_NOT_FOUND where that needs the channel to exist.
   */
  routeFacts(group: Group): Promise<RouteFacts>
  /**
   * Goes through the dead letters of a group, oldest first, in batches, and does with each what `visit.decide` says. Ends
   * with the last of those that were there when it began: what dies or is replaced meanwhile is left for another visit.
   * Resolves when every decision is carried out and confirmed. Rejects when the link breaks: of the last decisions, some may
   * be done; with WAYBILL_NOT_FOUND where nothing is known of the group. Two visits at a time may share the letters, each
   * seeing some. Capability `deadLetterVisits`.
   */
  visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void>
  /** What the engine says of the groups subscribed or declared here. */
  inspect(): Promise<TransportSnapshot>
  /** Closes subscriptions, then the link. Unsettled deliveries return to the engine. Idempotent. */
  close(deadlineMs: number): Promise<void>
  /** Calls `listener` for each event until the returned function is called. */
  onEvent(listener: (event: TransportEvent) => void): () => void
}

export interface Topology {
  readonly channels: readonly Channel[]
  readonly groups: readonly Group[]
}

export interface Group {
  readonly channel: Channel
  /** Members of one group share its messages. For a channel with one recipient: the service that claims it. */
  readonly name: string
  /** Only messages of these types; all when absent. */
  readonly types?: readonly string[]
  /** One member at a time per shard, order per key kept through failure. */
  readonly ordered: boolean
}

export interface Outgoing {
  readonly message: WireMessage
  /** A channel, or the return address of a request (`WireMessage.replyTo`). */
  readonly to: Channel | ReturnAddress
  /** Deliver it this much later. */
  readonly delayMs?: number
}

export interface ReturnAddress {
  readonly kind: 'address'
  readonly address: string
}

/**
 * `accepted`: stored, as durably as the engine's facts say (an event without recipients counts); of signals: the engine has
 * it and hands it to who listens.
 * `refused`: not stored, for the reason in `error`. `unknown`: the link broke first; it may be stored.
 */
export type SendResult =
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'refused'; readonly error: Error }
  | { readonly outcome: 'unknown'; readonly error: Error }

export interface SubscriptionSpec {
  readonly group: Group
  /** `true`: this instance alone, nothing left behind; a reconnect reports a gap. The group's name is then a label. */
  readonly transient: boolean
  /** Where a new group begins; one that exists goes on where it was. A transient one begins there each time. Default `now`. */
  readonly start?: StartPosition
  /** Of a transient subscription: these shards alone. Default all. Capability `replay`. */
  readonly shards?: readonly number[]
  /** Most unsettled deliveries at a time, from 1. */
  readonly prefetch: number
}

/**
 * `time`: milliseconds since the epoch. `positions`: by shard, as `Delivery.position` told them; reading begins with the
 * next one. One that the engine no longer has is an error (`WAYBILL_POSITION_GONE`), never a silent reset.
 */
export type StartPosition =
  'now' | 'earliest' | { readonly time: number } | { readonly positions: Readonly<Record<number, string>> }

export interface Subscription {
  /** The return address, on a `reply` channel. Changes never; after a gap, earlier requests are answered no more. */
  readonly address: string | undefined
  /**
   * Settles deliveries; handed to the engine, not confirmed by it. A delivery of a group from before a reconnect is ignored; one
   * of a subscription that leaves nothing behind is not, since nobody else gets it.
   */
  settle(batch: readonly Settlement[]): void
  /** Changes the prefetch for deliveries from now on. */
  flow(prefetch: number): void
  /** No delivery after it resolves. Waits until `deadlineMs` for the unsettled, then returns them to the engine. */
  close(deadlineMs: number): Promise<void>
}

export interface Delivery {
  readonly message: WireMessage
  /** The engine has handed it out before. Unknown where the engine cannot say. */
  readonly redelivered: boolean | undefined
  /** How often the engine has handed it out, this time included; counts crashes, not retries. */
  readonly deliveryCount: number | undefined
  readonly shard: number
  /** Where it lies in its shard, where the engine keeps history: a {@link StartPosition} begins behind it. */
  readonly position?: string
  /** On an ordered subscription with fencing: larger than that of every earlier owner of the shard. */
  readonly fencing?: number
}

export type Settlement =
  | { readonly delivery: Delivery; readonly action: 'ack' }
  /**
   * Hand it out again after `afterMs` as `attempt`, with `failure` added to its history. Stored before it is acknowledged.
   * Without a failure it is put off: nothing has failed, its attempt stays as it is, and how often that happened is counted
   * in its header `waybill-put-off`. On an ordered subscription its key waits meanwhile, as for any retry.
   */
  | {
      readonly delivery: Delivery
      readonly action: 'retry'
      readonly afterMs: number
      readonly attempt: number
      readonly failure?: FailureRecord
    }
  /** Move it to the group's dead-letter queue with its history. Stored there before it is acknowledged. */
  | {
      readonly delivery: Delivery
      readonly action: 'reject'
      readonly reason: DeadLetterReason
      readonly detail: string
      readonly failure?: FailureRecord
    }

export interface TransportSnapshot {
  readonly connected: boolean
  readonly groups: readonly GroupSnapshot[]
  readonly subscriptions: readonly SubscriptionSnapshot[]
}

/** One subscription of this transport, as the engine sees it. */
export interface SubscriptionSnapshot {
  readonly channel: string
  readonly group: string
  /** The engine counts it as attached. A member of an ordered group without a shard is attached, too: it stands in line. */
  readonly attached: boolean
  /** Since when, in milliseconds since the epoch; `undefined` while it is not attached. */
  readonly since: number | undefined
  /** Messages that the engine has for its group and that nobody has settled or, where the engine counts those alone, received. */
  readonly lag: number
}

export interface GroupSnapshot {
  readonly channel: string
  readonly group: string
  /** Messages ready to be handed out, shards and retries included. */
  readonly depth: number
  /** Consumers that the engine itself says are attached. */
  readonly consumers: number
  readonly deadLetters: number
}
