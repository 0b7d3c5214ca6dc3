/** The outbox of one store. */
export interface OutboxHealth {
  readonly store: string
  /** Nothing is parked, and nothing waits for longer than `outbox.maxLag`. */
  readonly healthy: boolean
  /** The database says so; otherwise the numbers below are not known. */
  readonly known: boolean
  /** Messages that are not at the broker yet. */
  readonly waiting: number
  /** Messages that the broker refused too often. */
  readonly parked: number
  readonly scheduled: number
  /** Age of the oldest that waits, in milliseconds. */
  readonly oldestMs: number | undefined
}
