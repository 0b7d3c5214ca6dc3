import { durationMs, type Duration } from '../runtime/duration.ts'
import type { CircuitSettings } from './circuit.ts'

/** When a circuit opens: at the first of its three limits. When it closes again. */
export interface CircuitBreakerOptions {
  /** Opens when this share of the calls in the window has failed, above 0 to 1. Default 0.5; `false`: not by rate. */
  readonly failureRate?: number | false
  /** Calls in the window before the rate counts. Default 20. */
  readonly minimumCalls?: number
  /** What is counted: the calls of so long, or the newest so many. Default `'10s'`. */
  readonly window?: Duration | { readonly calls: number }
  /** Opens after so many failures in a row. Default 5; `false`: not by them. */
  readonly consecutiveFailures?: number | false
  /** Opens at so many failures in the window, however many calls succeeded. Default: not by number. */
  readonly failureLimit?: number
  /** A `call` that takes longer has failed. Default `'10s'`. It does not limit handlers: their own `timeout` does. */
  readonly timeout?: Duration
  /** How long it stays open until what it guards is tried again. Doubles with each probe that fails. Default `'1s'`. */
  readonly resetTime?: Duration
  /** The longest it stays open. Default `'30s'`, or the reset time where that is longer. */
  readonly maxResetTime?: Duration
  /** Calls that are let through at a time to see whether it is well again; so many successes close it. Default 1. */
  readonly halfOpenProbes?: number
  /** Whether an error says that what is guarded is not well. Default: every error does. */
  readonly counts?: (error: unknown) => boolean
  /**
   * How often one message may be put off on account of failures of its own, before they count as attempts again although
   * the circuit is not closed. Default 1000: hours of an outage.
   */
  readonly maxPutOffs?: number
}

/** Of a circuit breaker. */
export interface BreakerSettings extends CircuitSettings {
  readonly timeoutMs: number
  readonly maxPutOffs: number
  readonly counts: (error: unknown) => boolean
}

const OPTIONS: readonly string[] = [
  'failureRate',
  'minimumCalls',
  'window',
  'consecutiveFailures',
  'failureLimit',
  'timeout',
  'resetTime',
  'maxResetTime',
  'halfOpenProbes',
  'counts',
  'maxPutOffs',
]
/** A ring of so many outcomes is kept. */
const MAX_CALLS = 100_000
/** A call in flight is remembered by its timer alone, so this is to catch a mistake. */
const MAX_PROBES = 1_000

/** @throws {TypeError} for an option out of range, unknown, or in contradiction to another */
export function breakerSettings(name: string, options: CircuitBreakerOptions): BreakerSettings {
  const of = (option: string): string => `${option} of the circuit breaker ${name}`
  const strange = Object.keys(options).find((option) => !OPTIONS.includes(option))
  if (strange !== undefined) throw new TypeError(`${of(strange)} is no option`)
  const { failureRate = 0.5, consecutiveFailures = 5, failureLimit, counts = () => true } = options
  const byRate = failureRate !== false
  if (byRate && !(typeof failureRate === 'number' && failureRate > 0 && failureRate <= 1))
    throw new TypeError(`${of('failureRate')} must be above 0 and at most 1, not ${String(failureRate)}`)
  if (!byRate && consecutiveFailures === false && failureLimit === undefined)
    throw new TypeError(`the circuit breaker ${name} never opens: give it a failureRate, a failureLimit or both`)
  if (!byRate && options.minimumCalls !== undefined)
    throw new TypeError(`${of('minimumCalls')} says nothing without failureRate`)
  if (typeof counts !== 'function') throw new TypeError(`${of('counts')} must be a function`)
  const window = windowOf(of('window'), options.window ?? '10s')
  const minimumCalls = whole(of('minimumCalls'), options.minimumCalls ?? 20, MAX_CALLS)
  const limit = failureLimit === undefined ? Infinity : whole(of('failureLimit'), failureLimit, MAX_CALLS)
  if ('calls' in window) {
    const needed = [options.minimumCalls, failureLimit].find((each) => each !== undefined && each > window.calls)
    if (needed !== undefined) throw new TypeError(`${of('window')} of ${window.calls} calls never holds ${needed}`)
  }
  const resetMs = longerThanNothing(of('resetTime'), options.resetTime ?? '1s')
  const maxResetMs = longerThanNothing(of('maxResetTime'), options.maxResetTime ?? Math.max(resetMs, 30_000))
  if (maxResetMs < resetMs) throw new TypeError(`${of('maxResetTime')} must not be shorter than resetTime`)
  return {
    failureRate: byRate ? failureRate : 2,
    minimumCalls: 'calls' in window ? Math.min(minimumCalls, window.calls) : minimumCalls,
    window,
    consecutiveFailures:
      consecutiveFailures === false ? Infinity : whole(of('consecutiveFailures'), consecutiveFailures, MAX_CALLS),
    failureLimit: limit,
    resetMs,
    maxResetMs,
    halfOpenProbes: whole(of('halfOpenProbes'), options.halfOpenProbes ?? 1, MAX_PROBES),
    timeoutMs: longerThanNothing(of('timeout'), options.timeout ?? '10s'),
    maxPutOffs: whole(of('maxPutOffs'), options.maxPutOffs ?? 1_000, 1_000_000),
    counts,
  }
}

function windowOf(what: string, window: NonNullable<CircuitBreakerOptions['window']>): CircuitSettings['window'] {
  if (typeof window === 'object') return { calls: whole(`${what}.calls`, window.calls, MAX_CALLS) }
  return { ms: longerThanNothing(what, window) }
}

function longerThanNothing(what: string, duration: Duration): number {
  const ms = durationMs(duration)
  if (ms === 0) throw new TypeError(`${what} must be longer than nothing`)
  return ms
}

function whole(what: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new TypeError(`${what} must be a whole number from 1 to ${most}, not ${value}`)
}
