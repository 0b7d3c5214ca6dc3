// The options that keep a failing or slow handler from doing harm, and what they become.
import type { Retry } from '../../middleware/retry-policy.ts'
import { Breaker, type CircuitBreaker } from '../../resilience/circuit-breaker.ts'
import type { CircuitBreakerOptions } from '../../resilience/circuit-settings.ts'
import { breakerSettings } from '../../resilience/circuit-settings.ts'
import { RateLimit, type Rate } from '../../resilience/rate-limit.ts'
import { durationMs, type Duration } from '../../runtime/duration.ts'

/** How often a handler may begin; nothing is dropped, what may not begin yet waits. */
export interface HandlerRate<Body = unknown> extends Rate {
  /** A limit for each key by itself, instead of one for all messages: text, of which 100,000 are told apart at a time. */
  readonly key?: (body: Body) => string
}

export interface LimitOptions<Body = unknown> {
  /** How a failed message is tried again; a request whose caller waits is not, because the caller decides. */
  readonly retry?: Retry
  /** Runs of this handler at a time, so that others of its subscription keep their slots. Default: the concurrency. */
  readonly bulkhead?: number
  /** How often this handler may begin, on each instance. */
  readonly rate?: HandlerRate<Body>
  /**
   * Pauses this handler while the breaker is open, and lets one message at a time try while it is half-open. The calls that
   * handlers make through it are what it counts. Messages that fail while it is not closed, and those that fail because a
   * circuit is open, come again when it may be well, with no attempt counted.
   */
  readonly breaker?: CircuitBreaker
  /** The same with a breaker of its own, which counts the failures of this handler. `{}` for its defaults. */
  readonly killSwitch?: Omit<CircuitBreakerOptions, 'timeout'>
}

/** How messages become batches. */
export interface BatchSize {
  /** Most messages of a batch, up to 10,000. */
  readonly size: number
  /** How long the first message of a batch waits for others. Default `'50ms'`. */
  readonly wait?: Duration
}

export interface BatchLimits {
  /** Most messages of a batch. */
  readonly size: number
  /** How long the first one waits for others. */
  readonly waitMs: number
}

/** Most messages of a batch. */
const MAX_BATCH = 10_000

/** @throws {TypeError} for a limit out of range, or two that contradict each other */
export function checkLimits(of: string, limits: LimitOptions<never>, isBatch: boolean): void {
  const { bulkhead, rate, breaker, killSwitch } = limits
  if (bulkhead !== undefined && !(Number.isInteger(bulkhead) && bulkhead >= 1))
    throw new TypeError(`bulkhead ${of} must be a whole number from 1, not ${bulkhead}`)
  if (rate !== undefined) {
    // Made for its checks alone.
    void new RateLimit(rate, `rate ${of}`)
    if (rate.key !== undefined && typeof rate.key !== 'function')
      throw new TypeError(`rate.key ${of} must be a function, not ${typeof rate.key}`)
    if (rate.key !== undefined && isBatch)
      throw new TypeError(`rate.key ${of}: a batch has messages of several keys; leave the key out`)
  }
  if (breaker !== undefined && killSwitch !== undefined)
    throw new TypeError(`breaker and killSwitch ${of} contradict each other: a kill switch is a breaker of its own`)
  if (breaker !== undefined && !(breaker instanceof Breaker))
    throw new TypeError(`breaker ${of} must be what circuitBreaker() has made`)
  if (killSwitch === undefined) return
  if ('timeout' in killSwitch)
    throw new TypeError(`killSwitch.timeout ${of} is no option: the handler has its own timeout`)
  breakerSettings(`killSwitch ${of}`, killSwitch)
}

/** @throws {TypeError} for a size or a wait out of range */
export function batchLimits(of: string, { size, wait = '50ms' }: BatchSize): BatchLimits {
  if (!Number.isInteger(size) || size < 1 || size > MAX_BATCH)
    throw new TypeError(`batch.size ${of} must be a whole number from 1 to ${MAX_BATCH}, not ${size}`)
  return { size, waitMs: durationMs(wait) }
}

/** Of the breaker that a handler has for itself. */
export function killSwitchName(service: string, { type }: { readonly type: string }): string {
  return `${service}.${type}`.slice(0, 63)
}
