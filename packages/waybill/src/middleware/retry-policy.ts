// The one owner of retries: whether a failed message is tried again, and when.
import { schedule, SCHEDULE_OPTIONS, type RetrySchedule, type Schedule } from './retry-schedule.ts'

/** A class of errors. */
// A constructor type has no narrower form that every error class fits.
export type ErrorClass = abstract new (...args: never[]) => Error

/** How failed handling is tried again. */
export interface Retry extends RetrySchedule {
  /** Errors that no retry cures: these classes are dead-lettered at once. */
  readonly giveUpOn?: readonly ErrorClass[]
  /** Only these classes are tried again, any other error is dead-lettered at once. Default: every error. */
  readonly retryOn?: readonly ErrorClass[]
  /**
   * Schedules of their own for some errors: the first entry whose class fits is the one. What it leaves out is as by
   * default, not as beside it. The number of the try is the message's, whatever its earlier tries failed with.
   */
  readonly per?: readonly RetryPer[]
}

/** The schedule for errors of some classes. */
export interface RetryPer extends RetrySchedule {
  readonly on: ErrorClass | readonly ErrorClass[]
}

/** A `Retry` with its defaults filled in and checked. */
export interface RetryPolicy {
  /** The most tries that any error is given. */
  readonly attempts: number
  /**
   * Milliseconds to wait before `attempt` (from 2); `undefined` to give up.
   *
   * @param sinceFirstMs since the message failed first
   */
  delayBefore(attempt: number, error: unknown, sinceFirstMs?: number): number | undefined
  /** No retry cures it. */
  isFinal(error: unknown): boolean
  /** The longest delay it can ask for, in milliseconds. */
  readonly longestMs: number
  /** Milliseconds of all its delays together, when every try fails with what is tried again: from least to most. */
  readonly waitsMs: { readonly least: number; readonly most: number }
}

interface Exception {
  readonly classes: readonly ErrorClass[]
  readonly schedule: Schedule
}

/**
 * @param random a number in [0, 1)
 * @throws {TypeError} when a count or a duration is out of range, or options contradict each other
 */
export function retryPolicy(retry: Retry, random: () => number): RetryPolicy {
  knownOptions(retry, 'retry', [...SCHEDULE_OPTIONS, 'giveUpOn', 'retryOn', 'per'])
  const general = schedule(retry, 'retry')
  const giveUpOn = classes('retry.giveUpOn', retry.giveUpOn ?? [])
  const retryOn = retry.retryOn === undefined ? undefined : classes('retry.retryOn', retry.retryOn)
  if (retryOn?.length === 0) throw new TypeError('retry.retryOn is empty: write attempts: 1 for no retry')
  const both = giveUpOn.find((each) => retryOn?.includes(each))
  if (both !== undefined) throw new TypeError(`retry.retryOn and retry.giveUpOn both name ${both.name}`)
  const exceptions = (retry.per ?? []).map((each, nth) => exceptionOf(each, `retry.per[${nth}]`))

  const isFinal = (error: unknown): boolean =>
    isOneOf(error, giveUpOn) || (retryOn !== undefined && !isOneOf(error, retryOn))
  const scheduleFor = (error: unknown): Schedule =>
    exceptions.find((each) => isOneOf(error, each.classes))?.schedule ?? general
  const all = [general, ...exceptions.map((each) => each.schedule)]
  return {
    ...boundsOf(all),
    isFinal,
    delayBefore: (attempt, error, sinceFirstMs = 0) => {
      if (isFinal(error)) return undefined
      const chosen = scheduleFor(error)
      if (attempt > chosen.attempts) return undefined
      const delay = chosen.delay(attempt, random)
      return sinceFirstMs + delay > chosen.withinMs ? undefined : delay
    },
  }
}

/** What holds for every message, whichever schedules its failures choose. */
function boundsOf(all: readonly Schedule[]): Pick<RetryPolicy, 'attempts' | 'longestMs' | 'waitsMs'> {
  const attempts = Math.max(...all.map((each) => each.attempts))
  const fewest = Math.min(...all.map((each) => each.attempts))
  const hasEnd = all.some(({ withinMs }) => Number.isFinite(withinMs))
  const longestWithin = Math.max(...all.map(({ withinMs }) => withinMs))
  let [least, most, longestMs] = [0, 0, 0]
  for (let attempt = 2; attempt <= attempts; attempt++) {
    const able = all.filter((each) => attempt <= each.attempts)
    const full = Math.max(...able.map((each) => each.full(attempt)))
    most += full
    longestMs = Math.max(longestMs, full)
    if (attempt <= fewest) least += Math.min(...able.map((each) => each.least(attempt)))
  }
  // Where handling itself may use the time up, there may be no wait at all.
  return { attempts, longestMs, waitsMs: { least: hasEnd ? 0 : least, most: Math.min(most, longestWithin) } }
}

function exceptionOf(per: RetryPer, at: string): Exception {
  if (typeof per !== 'object' || per === null) throw new TypeError(`${at} must name its classes: { on, ... }`)
  knownOptions(per, at, [...SCHEDULE_OPTIONS, 'on'])
  const on = classes(`${at}.on`, typeof per.on === 'function' ? [per.on] : per.on)
  if (on.length === 0) throw new TypeError(`${at}.on names no error class`)
  return { classes: on, schedule: schedule(per, at) }
}

function classes(name: string, list: readonly ErrorClass[]): readonly ErrorClass[] {
  if (!Array.isArray(list) || list.some((each) => typeof each !== 'function'))
    throw new TypeError(`${name} must be a list of error classes`)
  return list
}

function isOneOf(error: unknown, list: readonly ErrorClass[]): boolean {
  return list.some((each) => error instanceof each)
}

/** A misspelt option would be a promise that nobody keeps. */
function knownOptions(options: object, at: string, known: readonly string[]): void {
  const strange = Object.keys(options).find((name) => !known.includes(name))
  if (strange !== undefined) throw new TypeError(`${at}.${strange} is no option`)
}
