/** A message inside the broker. The parts that are stored are those of `StoredMessage`. */
export interface Message {
  /** Exchange and routing key it was published with. */
  readonly exchange: string
  readonly routingKey: string
  /** Basic properties, encoded as on the wire (AMQP 0-9-1, section 4.2.6.1). May be encoded on first use. */
  readonly properties: Uint8Array
  readonly body: Uint8Array
  /**
   * The publisher's own object, kept while the message is in memory and never stored: a consumer in this process that
   * knows its class need not decode the message again.
   */
  readonly origin: unknown
}

export interface PublishOptions {
  /** Delivery mode 2: stored, in durable queues, before it is confirmed. */
  readonly persistent: boolean
  /** Milliseconds until it expires: the basic property `expiration`, already read. */
  readonly ttlMs?: number
  /** Milliseconds until it is routed. */
  readonly delayMs?: number
}

/**
 * - `accepted`: in every queue it was routed to, and synced where queue and message are durable
 * - `unroutable`: no queue takes it; nothing is stored (a mandatory message is returned, any other one is dropped)
 * - `refused`: a queue is full, or the store failed: `error` says which
 */
export type PublishOutcome = 'accepted' | 'unroutable' | 'refused'

/** Is told what became of publishes, by the numbers that their publisher gave them. */
export interface ConfirmSink {
  /** Called exactly once for a publish; before `publish` returns, when the outcome is known by then. */
  confirmed(tag: number, outcome: PublishOutcome, error: Error | undefined): void
}

/** What a message costs in memory beyond its body and encoded properties; an estimate of V8's objects. */
const OBJECT_BYTES = 512

/** Bytes that a message kept in memory counts for. */
export function residentBytes(message: Message): number {
  // Those of a publisher in this process are encoded only where they must be.
  const properties = message.origin === undefined ? message.properties.length : 0
  return message.body.length + properties + OBJECT_BYTES
}
