export interface DispatchLimits {
  /** Rows in memory that wait to be sent; what is fetched beyond is let go, and fetched again. */
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  /** Of one key: a key with a long queue leaves room for others. */
  readonly maxQueuedPerLine: number
  /** Rows that the broker has not answered for yet. */
  readonly maxInFlight: number
  /** Keys that are held back and not in memory: while it is more, nothing new is looked at. */
  readonly maxGaps: number
  /** Refusals after which a row is parked. */
  readonly attempts: number
  /** The wait after the first refusal; it doubles up to the longest. */
  readonly refusedMs: number
  readonly refusedMaxMs: number
  /** The wait after an unknown outcome. */
  readonly unknownMs: number
}

export const DISPATCH_LIMITS: DispatchLimits = {
  maxQueued: 1_024,
  maxQueuedBytes: 32 * 1024 * 1024,
  maxQueuedPerLine: 256,
  maxInFlight: 1_024,
  maxGaps: 65_536,
  attempts: 10,
  refusedMs: 500,
  refusedMaxMs: 300_000,
  unknownMs: 1_000,
}
