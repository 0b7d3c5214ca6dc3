export interface SendLimits {
  /** Most messages in memory: waiting, or with the transport and not yet answered by it. */
  readonly maxPending: number
  /** Most bytes of bodies among them. */
  readonly maxPendingBytes: number
  /** Entries handed to the transport in one call. */
  readonly maxBatch: number
}

/** 64 Ki messages or 128 MiB: seconds of a fast broker's work, and far from the heap's end. */
export const SEND_LIMITS: SendLimits = { maxPending: 65_536, maxPendingBytes: 128 * 1024 * 1024, maxBatch: 1_024 }
