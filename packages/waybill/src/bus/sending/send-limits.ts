export interface SendLimits {
  /** Most messages in memory: waiting, or with the transport and not yet answered by it. */
  readonly maxPending: number
  /** Most bytes of bodies among them. */
  readonly maxPendingBytes: number
  /** Most messages that wait for a place among those. */
  readonly maxLine: number
  /** Most bytes of bodies among them. */
  readonly maxLineBytes: number
  /** Entries handed to the transport in one call. */
  readonly maxBatch: number
}

/**
 * 64 Ki messages or 128 MiB: seconds of a fast broker's work, and far from the heap's end. A quarter of that may wait in
 * line: one call for each of many producers, not the whole of one that does not wait.
 */
export const SEND_LIMITS: SendLimits = {
  maxPending: 65_536,
  maxPendingBytes: 128 * 1024 * 1024,
  maxLine: 16_384,
  maxLineBytes: 32 * 1024 * 1024,
  maxBatch: 1_024,
}
