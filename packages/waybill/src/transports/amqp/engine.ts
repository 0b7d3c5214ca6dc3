// The port that the AMQP queue model needs from an engine. Two sit behind it: the embedded broker, called directly, and
// RabbitMQ, through amqplib. Words here are AMQP 0-9-1's. Bodies are bytes; headers are the engine's business to encode.
import type { WireMessage } from '../../message/wire-message.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'

/** One link to a broker, which keeps itself up after `connect` until `close`. */
export interface AmqpEngine {
  readonly name: string
  /** The broker may lose a consumer without a word: its standing has to be asked for from time to time. */
  readonly losesConsumersSilently: boolean
  /** A message that returns to its queue may lie behind others that returned before; otherwise at its place. After `connect`. */
  readonly requeuesBehind: boolean
  connect(signal: AbortSignal): Promise<EngineFacts>
  /** Idempotent; unequal arguments reject with WAYBILL_TOPOLOGY_CONFLICT. */
  declareExchange(exchange: ExchangeSpec): Promise<void>
  declareQueue(queue: QueueSpec): Promise<void>
  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void>
  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void>
  deleteQueue(queue: string): Promise<void>
  /** Ready messages and consumers; `undefined` when there is no such queue. */
  checkQueue(queue: string): Promise<{ readonly messages: number; readonly consumers: number } | undefined>
  /**
   * What it promises for persistent messages in a queue of such a life; others are in memory. After `connect`.
   *
   * @param isForeign others have declared the queue
   */
  routeFacts(life: QueueSpec['life'], isForeign: boolean): RouteFacts
  /** Publishes in order, with confirms. Answers each, in order; never rejects. While the link is down: `refused`. */
  publish(batch: readonly Publication[]): Promise<readonly PublishResult[]>
  /** Resolves on consume-ok. Each consumer has a channel of its own: closing it requeues and releases in one step. */
  consume(spec: ConsumeSpec, events: ConsumerEvents): Promise<AmqpConsumer>
  close(deadlineMs: number): Promise<void>
  /** One listener. After `up`, the listener consumes and declares its transient things again. */
  onLink(listener: (event: LinkEvent) => void): void
}

export type LinkEvent =
  | { readonly type: 'up' }
  | { readonly type: 'down'; readonly error: Error }
  /** Why the link cannot be taken up again yet: each reason of an outage once, not on each try. */
  | { readonly type: 'trouble'; readonly error: Error }
  | { readonly type: 'blocked'; readonly reason: string }
  | { readonly type: 'unblocked' }

export interface ExchangeSpec {
  readonly name: string
  readonly type: 'direct' | 'fanout' | 'topic' | 'headers'
  /** Durable unless `true`: then it goes with the last binding. */
  readonly autoDelete?: boolean
  /** `alternate-exchange`; part of what makes two declarations equal. */
  readonly alternate?: string
}

/**
 * - `durable`: survives the broker, replicated where the engine can (a quorum queue)
 * - `shared-transient`: exists while consumers are attached (durable, auto-delete: newer RabbitMQ refuses non-durable ones)
 * - `exclusive`: of this connection, gone with it
 */
export interface QueueSpec {
  readonly name: string
  readonly life: 'durable' | 'shared-transient' | 'exclusive'
  readonly singleActiveConsumer?: boolean
  /** Most ready messages; beyond it publishers are refused (`x-overflow: reject-publish`). */
  readonly maxLength?: number
  /** Most ready messages, and bytes of their bodies; beyond either the oldest are dropped, without a word (`x-overflow: drop-head`). */
  readonly keepsNewest?: { readonly messages: number; readonly bytes: number }
}

export interface Publication {
  /** `''` is the default exchange: the routing key is a queue's name. */
  readonly exchange: string
  readonly routingKey: string
  readonly message: WireMessage
  /** Refuse with `unroutable` when no queue takes it. */
  readonly mandatory: boolean
  readonly persistent: boolean
  /** The broker itself may drop it after this long. */
  readonly ttlMs?: number
  /** Route it this much later, from now. Only to the default exchange; at most `limits.maxDelayMs`. */
  readonly delayMs?: number
}

/** The queue that it is meant for, by the default exchange, for people. */
export function queueOf({ routingKey }: Publication): string {
  return `queue ${routingKey}`
}

export type PublishResult =
  | { readonly outcome: 'accepted' }
  | { readonly outcome: 'unroutable' }
  | { readonly outcome: 'refused'; readonly error: Error }
  | { readonly outcome: 'unknown'; readonly error: Error }

export interface ConsumeSpec {
  readonly queue: string
  /** basic.qos prefetch-count; 0 is unlimited. */
  readonly prefetch: number
  readonly noAck?: boolean
  /**
   * For looking through a queue: a larger prefetch lets more come although nothing is settled, and when the consumer is
   * closed, acknowledgements are applied and all else is back at its place, in order.
   */
  readonly browses?: boolean
}

export interface ConsumerEvents {
  deliver(batch: readonly AmqpDelivery[]): void
  /** The broker cancelled the consumer or the channel died; not called for `close` or a lost link. */
  cancelled(error: Error): void
}

export interface AmqpDelivery {
  readonly message: WireMessage
  /** Valid on its consumer alone. */
  readonly tag: number
  readonly redelivered: boolean
  readonly deliveryCount: number | undefined
  readonly routingKey: string
}

export interface ConsumerStanding {
  /**
   * The queue counts it among its consumers. A broker that tells no more than their number: it has at least as many as
   * this link holds there.
   */
  readonly attached: boolean
  /** Messages in its queue that are ready for somebody. */
  readonly ready: number
}

export interface AmqpConsumer {
  /** Unknown tags, and tags from before a reconnect, are ignored. */
  ack(tags: readonly number[]): void
  /** Returns them to their original position in the queue. */
  requeue(tags: readonly number[]): void
  prefetch(count: number): void
  /** What the broker says of it now. Rejects while the link is down. */
  inspect(): Promise<ConsumerStanding>
  /** Cancels, requeues what is unacknowledged, and lets the next single active consumer in, in one step. */
  close(): Promise<void>
}
