import { randomFillSync } from 'node:crypto'
import type { Release, Runtime, Timer } from './runtime.ts'
import { uuidV7 } from './uuid-v7.ts'

// setTimeout clamps longer delays to 1 ms; waiting in steps keeps a week a week.
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

const nothingHeld: Release = () => {}

/** The clock, timers, dice and ids of this machine. */
export function systemRuntime(): Runtime {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer: (delayMs, fn) => new SystemTimer(delayMs, fn),
    defer: (fn) => void setImmediate(fn),
    random: () => Math.random(),
    newId: uuidV7(
      () => Date.now(),
      (bytes) => void randomFillSync(bytes),
    ),
    hold: () => nothingHeld,
    keepAlive: () => {
      const handle = setInterval(() => {}, LONGEST_TIMEOUT_MS)
      return () => clearInterval(handle)
    },
  }
}

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout

  constructor(delayMs: number, fn: () => void) {
    this.#handle = this.#start(delayMs, fn)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #start(delayMs: number, fn: () => void): NodeJS.Timeout {
    const step = Math.min(Math.max(0, delayMs), LONGEST_TIMEOUT_MS)
    const rest = delayMs - step
    const handle = setTimeout(rest > 0 ? () => (this.#handle = this.#start(rest, fn)) : fn, step)
    handle.unref()
    return handle
  }
}
