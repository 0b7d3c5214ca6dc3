import type { Release, Runtime, Timer } from './runtime.ts'
import { seededRandom } from './seeded-random.ts'
import { uuidV7 } from './uuid-v7.ts'

/** A runtime whose clock stands still until it is told to move, and whose dice come from a seed. */
export interface VirtualRuntime extends Runtime {
  /** What is under way now: the names given to `hold`, and `timer` is never among them. */
  readonly held: readonly string[]
  /** Instants at which timers are due, earliest first. */
  readonly timers: readonly number[]
  /**
   * Lets everything run that can run without time passing, and resolves when nothing is held. Takes turns of the event
   * loop, not timers; real I/O of a handler is waited for.
   *
   * @throws {Error} when something is still held after `withinMs` of real time (default 5000), naming it
   */
  settle(withinMs?: number): Promise<void>
  /**
   * Moves the clock on by `ms`, firing timers in the order of their due time. After each instant everything runs that
   * needs neither time nor real I/O; what is held is not waited for, since it may be waiting for time itself. Where a
   * handler does real I/O, `settle()` first.
   *
   * @throws {TypeError} when `ms` is negative or not finite
   */
  advance(ms: number): Promise<void>
}

export interface VirtualRuntimeOptions {
  /** Same seed, same dice and ids. Default 1. */
  readonly seed?: number
  /** The first instant, in milliseconds since the epoch. Default 2026-01-01T00:00:00Z. */
  readonly start?: number
}

const DEFAULT_START = Date.UTC(2026, 0, 1)
const DEFAULT_SETTLE_MS = 5_000
// Promise chains hop through microtasks and at most a few turns before they hold something again.
const QUIET_TURNS = 3

interface PendingTimer {
  readonly due: number
  readonly order: number
  readonly fn: () => void
}

export function virtualRuntime(options: VirtualRuntimeOptions = {}): VirtualRuntime {
  const random = seededRandom(options.seed ?? 1)
  const start = options.start ?? DEFAULT_START
  let now = start
  let order = 0
  let activity = 0
  const holds = new Map<number, string>()
  const pending = new Set<PendingTimer>()

  const hold = (what: string): Release => {
    const key = ++order
    activity++
    holds.set(key, what)
    return () => void holds.delete(key)
  }
  const earliest = (): PendingTimer | undefined => {
    let first: PendingTimer | undefined
    for (const timer of pending) {
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
        first = timer
    }
    return first
  }

  const settle = async (withinMs = DEFAULT_SETTLE_MS): Promise<void> => {
    const startedAt = performance.now()
    let quiet = 0
    let seen = activity
    while (quiet < QUIET_TURNS) {
      await nextTurn()
      quiet = holds.size === 0 && seen === activity ? quiet + 1 : 0
      seen = activity
      if (performance.now() - startedAt > withinMs) {
        throw new Error(
          `not settled after ${withinMs} ms: still under way: ${[...new Set(holds.values())].join(', ')}. ` +
            'If it waits for virtual time, call advance() without awaiting settle() first; if it does slow I/O, raise the limit.',
        )
      }
    }
  }

  return {
    now: () => now,
    monotonic: () => now - start,
    random,
    newId: uuidV7(
      () => now,
      (bytes) => {
        for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256)
      },
    ),
    hold,
    keepAlive: () => () => {}, // a test ends when it ends
    defer: (fn) => {
      const release = hold('deferred work')
      setImmediate(() => {
        try {
          fn()
        } finally {
          release()
        }
      })
    },
    setTimer: (delayMs, fn): Timer => {
      const timer: PendingTimer = { due: now + Math.max(0, delayMs), order: ++order, fn }
      pending.add(timer)
      return { cancel: () => void pending.delete(timer) }
    },
    get held() {
      return [...holds.values()]
    },
    get timers() {
      return [...pending].map((timer) => timer.due).toSorted((a, b) => a - b)
    },
    settle,
    advance: async (ms) => {
      if (!Number.isFinite(ms) || ms < 0) throw new TypeError(`the clock cannot move on by ${ms} ms`)
      const until = now + ms
      await turnsOfRest()
      for (let next = earliest(); next !== undefined && next.due <= until; next = earliest()) {
        now = Math.max(now, next.due)
        pending.delete(next)
        next.fn()
        await turnsOfRest()
      }
      now = until
    },
  }
}

// Time moves only when everything that could run at this instant has run; a handler that waits for time may still be held.
async function turnsOfRest(): Promise<void> {
  for (let turn = 0; turn < QUIET_TURNS * 3; turn++) await nextTurn()
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
