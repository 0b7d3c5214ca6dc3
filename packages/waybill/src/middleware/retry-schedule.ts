// When one policy tries again: how often, after which delays, and for how long in all.
import { durationMs, type Duration } from '../runtime/duration.ts'

export interface RetrySchedule {
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
  /** No try begins later than this after the first failure, however many are left. Default: no such limit. */
  readonly within?: Duration
}

/** A {@link RetrySchedule} with its defaults filled in and checked. */
export interface Schedule {
  readonly attempts: number
  readonly withinMs: number
  /** Milliseconds before `attempt` (from 2), jitter left out. */
  full(attempt: number): number
  /** The same with jitter. */
  delay(attempt: number, random: () => number): number
  /** The least that `delay` may answer. */
  least(attempt: number): number
}

/** The names of {@link RetrySchedule}. */
export const SCHEDULE_OPTIONS: readonly string[] = [
  'attempts',
  'immediate',
  'backoff',
  'base',
  'max',
  'jitter',
  'within',
]

const DEFAULT_ATTEMPTS = 5
const MAX_ATTEMPTS = 1_000

/**
 * @param at how the options are called in an error: `retry`
 * @throws {TypeError} when a count or a duration is out of range
 */
export function schedule(options: RetrySchedule, at: string): Schedule {
  const attempts = whole(`${at}.attempts`, options.attempts ?? DEFAULT_ATTEMPTS, 1)
  const immediate = whole(`${at}.immediate`, options.immediate ?? 1, 0)
  const base = durationMs(options.base ?? '500ms')
  const max = durationMs(options.max ?? '5m')
  const backoff = options.backoff ?? 'exponential'
  if (backoff !== 'exponential' && backoff !== 'fixed')
    throw new TypeError(`${at}.backoff must be exponential or fixed, not ${String(backoff)}`)
  const jitter = options.jitter ?? true
  if (typeof jitter !== 'boolean') throw new TypeError(`${at}.jitter must be true or false, not ${String(jitter)}`)
  const withinMs = options.within === undefined ? Infinity : durationMs(options.within)
  if (withinMs === 0) throw new TypeError(`${at}.within must be longer than nothing: write attempts: 1 for no retry`)

  const full = (attempt: number): number => {
    const nth = attempt - 2 - immediate
    if (nth < 0) return 0
    return Math.min(max, backoff === 'exponential' ? base * 2 ** Math.min(nth, 52) : base)
  }
  return {
    attempts,
    withinMs,
    full,
    delay: (attempt, random) => Math.round(jitter ? full(attempt) * (0.5 + random() / 2) : full(attempt)),
    least: (attempt) => (jitter ? full(attempt) / 2 : full(attempt)),
  }
}

function whole(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value <= MAX_ATTEMPTS) return value
  throw new TypeError(`${name} must be a whole number from ${least} to ${MAX_ATTEMPTS}, not ${value}`)
}
