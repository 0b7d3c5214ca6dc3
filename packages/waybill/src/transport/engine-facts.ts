/** `native`: the engine does it. `supplied`: the transport does it on top. `refused`: asking for it fails with WAYBILL_UNSUPPORTED. */
export type Support = 'native' | 'supplied' | 'refused'

/** What an engine may or may not be able to do. Each has a clause in the conformance suite, for either answer. */
export interface Capabilities {
  /** `send` tells whether the engine has stored the message. */
  readonly confirms: Support
  /** A command, query or document that nobody can receive is refused. */
  readonly unroutable: Support
  /** A group keeps its messages while no member runs. */
  readonly durableGroups: Support
  /** A subscription of one instance that leaves nothing behind. */
  readonly transientSubscriptions: Support
  /** Channels of `signals`: handed to every instance that listens, and not stored. */
  readonly signals: Support
  /** Order per key over shards, kept through failure. */
  readonly ordered: Support
  /** `retry` with a delay. */
  readonly delayedRetry: Support
  /** `Outgoing.delayMs`. */
  readonly delayedSend: Support
  /** A message past `expiresAt` is not handed out. */
  readonly expiry: Support
  /** `Delivery.deliveryCount` is known. */
  readonly deliveryCount: Support
  /** A group may start at `earliest`. */
  readonly startEarliest: Support
  /** A group may start at a time. */
  readonly startAtTime: Support
  /** Writes of a former owner of a shard can be refused. */
  readonly fencing: Support
  /** A transient subscription may begin in the past, and name its shards. */
  readonly replay: Support
  /** `flow()` changes the number of unsettled deliveries while running. */
  readonly liveFlow: Support
  /** `visitDeadLetters()`. */
  readonly deadLetterVisits: Support
}

export type Capability = keyof Capabilities

/** A number of the engine and how it is known. */
export interface Limit {
  readonly value: number
  /** `read` from the engine, `told` by the user's configuration, or `assumed` from its documentation. */
  readonly source: 'read' | 'told' | 'assumed'
}

export interface EngineFacts {
  /** For instance `rabbitmq`. */
  readonly engine: string
  readonly version: string
  readonly capabilities: Capabilities
  readonly limits: {
    /** Largest body in bytes. */
    readonly maxMessageBytes: Limit
    /** Longest delay of `retry` and `delayMs`, in milliseconds. */
    readonly maxDelayMs: Limit
  }
}

/** What the engine promises for the messages of one group. */
export interface RouteFacts {
  readonly durability: Durability
  /** Whether deliveries of this group tell how often they were handed out. Absent: as the capability `deliveryCount` says. */
  readonly countsDeliveries?: boolean
  readonly limits: {
    /**
     * Deliveries after which the engine gives up on a message although the transport does its part; Infinity where it never
     * does, or the transport sees to it that a message lives on; 1 where it hands out once.
     */
    readonly deliveryLimit: Limit
    /**
     * Milliseconds after which the engine takes an unsettled delivery back, or ends its consumer, although the consumer is
     * well and the transport does its part; Infinity where it never does.
     */
    readonly settleWithinMs: Limit
    /** Milliseconds after which the engine drops a message whether it was handled or not; Infinity where it never does. */
    readonly retentionMs: Limit
    /** Bytes, of a channel or a queue, beyond which the engine drops the oldest; Infinity where it refuses new ones instead. */
    readonly retentionBytes: Limit
    /** Milliseconds at most until what a member held that crashed is handed out again. Absent where nothing is known. */
    readonly redeliveredWithinMs?: Limit
  }
}

export interface Durability {
  /**
   * What `accepted` means. `synced`: on the disk. `written`: handed to the operating system, so that the server's death
   * costs nothing and its machine's the newest. `memory`: the server's death loses it.
   */
  readonly accepted: 'synced' | 'written' | 'memory'
  /** Of `written`: how old, in milliseconds, a message is at most that losing power takes. Infinity: the engine does not say. 0 for `synced`. */
  readonly lossWindowMs: Limit
  /** Servers that have a message when it is accepted. */
  readonly copies: Limit
  /** How `accepted` is known. */
  readonly source: Limit['source']
}
