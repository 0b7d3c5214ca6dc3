/**
 * The only door to time, randomness and identifiers.
 *
 * Everything in Waybill that waits, dates, rolls dice or names a thing takes a `Runtime`, so that a test runs on virtual
 * time and a whole system can be replayed from one seed. A lint rule forbids the globals elsewhere.
 */
export interface Runtime {
  /** Wall clock: milliseconds since 1970-01-01T00:00:00Z. May jump; use it for dates, never for waiting. */
  now(): number
  /** Milliseconds from an arbitrary origin; never goes back. Use it to measure. */
  monotonic(): number
  /** Calls `fn` once, `delayMs` from now at the earliest. A timer does not keep the process alive. */
  setTimer(delayMs: number, fn: () => void): Timer
  /** Calls `fn` once in a later turn of the event loop, after the I/O of this one: the place to batch. */
  defer(fn: () => void): void
  /** A number in [0, 1). */
  random(): number
  /** A new time-ordered unique id (UUID version 7, RFC 9562 section 5.7). */
  newId(): string
  /**
   * Says that the framework has begun something that will end by itself, and returns the function that says it ended.
   * On virtual time, `settle()` waits until nothing is held; on the system clock it costs nothing.
   */
  hold(what: string): Release
  /** Keeps the process running until the returned function is called: for whoever consumes without an open socket. */
  keepAlive(): Release
}

export interface Timer {
  cancel(): void
}

/** Ends a hold; calling it twice is the same as once. */
export type Release = () => void
