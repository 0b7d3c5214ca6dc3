import { durationMs, type Duration } from '../runtime/duration.ts'

/** How failed handling is tried again. */
export interface Retry {
  /** Tries in all, the first included. Default 5; 1 means never again. */
  readonly attempts?: number
  /** How many of the tries after the first follow at once, without delay. Default 1. */
  readonly immediate?: number
  /** How the delay grows from one delayed try to the next. Default `'exponential'` (doubling). */
  readonly backoff?: 'exponential' | 'fixed'
  /** The first delay. Default `'500ms'`. */
  readonly base?: Duration
  /** The longest delay. Default `'5m'`. */
  readonly max?: Duration
  /** Spreads each delay evenly over its upper half, so that failures do not return in step. Default true. */
  readonly jitter?: boolean
  /** Errors that no retry cures: these classes are dead-lettered at once. */
  // A constructor type has no narrower form that every error class fits.
  readonly giveUpOn?: readonly (abstract new (...args: never[]) => Error)[]
}

/** A `Retry` with its defaults filled in and checked. */
export interface RetryPolicy {
  readonly attempts: number
  /** Milliseconds to wait before `attempt` (from 2); `undefined` to give up. */
  delayBefore(attempt: number, error: unknown): number | undefined
  /** The longest delay it can ask for, in milliseconds. */
  readonly longestMs: number
  /** Milliseconds of all its delays together, when every try fails: jitter makes it a range. */
  readonly waitsMs: { readonly least: number; readonly most: number }
}

const DEFAULT_ATTEMPTS = 5
const MAX_ATTEMPTS = 1_000

/**
 * @param random a number in [0, 1)
 * @throws {TypeError} when a count or a duration is out of range
 */
export function retryPolicy(retry: Retry, random: () => number): RetryPolicy {
  const attempts = whole('attempts', retry.attempts ?? DEFAULT_ATTEMPTS, 1)
  const immediate = whole('immediate', retry.immediate ?? 1, 0)
  const base = durationMs(retry.base ?? '500ms')
  const max = durationMs(retry.max ?? '5m')
  const backoff = retry.backoff ?? 'exponential'
  if (backoff !== 'exponential' && backoff !== 'fixed')
    throw new TypeError(`retry.backoff must be exponential or fixed, not ${String(backoff)}`)
  const giveUpOn = retry.giveUpOn ?? []
  if (giveUpOn.some((kind) => typeof kind !== 'function'))
    throw new TypeError('retry.giveUpOn must be a list of error classes')
  const jitter = retry.jitter ?? true

  const full = (nth: number): number => Math.min(max, backoff === 'exponential' ? base * 2 ** Math.min(nth, 52) : base)
  const delay = (nth: number): number => Math.round(jitter ? full(nth) * (0.5 + random() / 2) : full(nth))
  const delayedTries = Math.max(0, attempts - 1 - immediate)
  const most = Array.from({ length: delayedTries }, (_, nth) => full(nth)).reduce((sum, each) => sum + each, 0)
  return {
    attempts,
    longestMs: delayedTries > 0 ? full(delayedTries - 1) : 0,
    waitsMs: { least: jitter ? most / 2 : most, most },
    delayBefore: (attempt, error) => {
      if (attempt > attempts || giveUpOn.some((kind) => error instanceof kind)) return undefined
      const delayed = attempt - 2 - immediate
      return delayed < 0 ? 0 : delay(delayed)
    },
  }
}

function whole(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least || value > MAX_ATTEMPTS) {
    throw new TypeError(`retry.${name} must be a whole number from ${least} to ${MAX_ATTEMPTS}, not ${value}`)
  }
  return value
}
