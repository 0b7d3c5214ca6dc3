// What the broker's queues need from durable storage: one log shared by all of them.

/** The stored form of a message. The three parts are opaque to the log. */
export interface StoredMessage {
  /** Exchange and routing key it was published with. */
  readonly exchange: string
  readonly routingKey: string
  /** AMQP 0-9-1 basic properties, encoded (flags, then values). */
  readonly properties: Uint8Array
  readonly body: Uint8Array
}

/** Called once the record is synced to disk, or with the error that closed the log. */
export type Durable = (error: Error | undefined) => void

/**
 * An append-only log with group commit. Calls are synchronous and only queue the record; everything queued while one
 * sync is in flight forms the next. A message has one sequence number for life, larger than those of all earlier ones;
 * it is held until each of its queues has settled it.
 */
export interface MessageLog {
  /**
   * Stores a message for these queues (one record, however many; at least one). Returns its sequence number.
   *
   * @param preface put before the properties, of which it is a part from then on
   * @throws {WaybillError} `WAYBILL_BACKPRESSURE` above 64 MiB of `pendingBytes`, `WAYBILL_TOO_LARGE`; nothing is stored
   */
  publish(queues: readonly number[], message: StoredMessage, done: Durable, preface?: Uint8Array): number
  /** Forgets messages of a queue. Joins the next group commit. */
  settle(queue: number, sequences: readonly number[], done?: Durable): void
  /** Stores a message for other queues and settles the one it replaces, in one record: a dead-letter move. */
  move(
    from: { readonly queue: number; readonly sequence: number },
    queues: readonly number[],
    message: StoredMessage,
    done: Durable,
  ): number
  /** Counts one more delivery of each; `done` comes before they may be handed out again, so that a count survives a crash. */
  countDelivery(queue: number, sequences: readonly number[], done: Durable): void
  /** Writes a definition (exchange, queue, binding) or removes it with `undefined`. Ordered with the messages. */
  define(key: string, definition: string | undefined, done: Durable): void
  /**
   * The message, at once when it is in memory, else from disk. The parts are copies.
   *
   * @throws {RangeError} when no queue holds it any more; a promise rejects with it if that happens meanwhile
   */
  read(sequence: number): StoredMessage | Promise<StoredMessage>
  /** Bytes that a message takes in the log; 0 when no queue holds it any more. */
  size(sequence: number): number
  /** Queued and unsynced bytes: publishers are held back above a mark. */
  readonly pendingBytes: number
  /** The disk is nearly full: publishers are held back, settlements go on. See `MessageLogEvents.blocked`. */
  readonly blocked: boolean
  /** Resolves when all that was queued is synced. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface MessageLogEvents {
  /** The disk became nearly full, or has room again. */
  blocked?(blocked: boolean, reason: string): void
  /** A record that was good when it was written cannot be read back; the segment that has it is kept. The log goes on. */
  damaged?(error: Error): void
  /** A write failed: the log has closed, and every call from now on is answered with this error. */
  failed?(error: Error): void
}

/** What a log held when it was opened, in the order in which it was written. */
export interface RecoveredLog {
  readonly log: MessageLog
  /** Live definitions by key, in the order of their first writing. */
  readonly definitions: ReadonlyMap<string, string>
  /** Calls `visit` for each live message of each queue, in order of sequence. */
  forEachMessage(visit: (queue: number, sequence: number, deliveryCount: number) => void): void
  /** The last process did not close the log: any of these messages may have been handed out before. */
  readonly unclean: boolean
}
