/** The handlers of one service on one channel, as they run now. */
export interface SubscriptionControl {
  readonly service: string
  readonly channel: string
  readonly group: string
  /** Handlers that may run at a time. */
  readonly concurrency: number
  /** Unsettled deliveries held here. */
  readonly prefetch: number
  /** Handlers running now. */
  readonly running: number
  /** Deliveries settled since the start. */
  readonly handled: number
  /** Those among them that the inbox knew, and no handler saw: of a service with a store. */
  readonly duplicates: number
  /**
   * `consuming`: the broker has confirmed the subscription. `lost`: it ended and is being taken up again.
   * `stuck`: a handler has not returned although its time-out passed a grace ago. `closed`: drained.
   */
  readonly state: 'consuming' | 'lost' | 'stuck' | 'closed'
  /** Names of the circuit breakers that pause handlers of it now. */
  readonly pausedBy: readonly string[]
  /**
   * Changes the limits while running; the prefetch follows at twice the concurrency unless given. Handlers that run
   * already are let run.
   *
   * @throws {TypeError} beyond 1 to 10,000 (concurrency) or 65,535 (prefetch)
   */
  tune(limits: { readonly concurrency?: number; readonly prefetch?: number }): void
}
