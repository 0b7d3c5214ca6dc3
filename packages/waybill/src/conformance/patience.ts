import type { Runtime } from '../runtime/runtime.ts'

// Conditions are looked at this often: often enough that a clause ends soon after its condition holds.
const LOOK_EVERY_MS = 4

/** Waits that have a bound and say what they waited for. */
export class Patience {
  readonly #runtime: Runtime
  readonly boundMs: number

  constructor(runtime: Runtime, boundMs: number) {
    this.#runtime = runtime
    this.boundMs = boundMs
  }

  /** For a wait that meets several faults in a row, each of which may take as long as one wait. */
  times(factor: number): Patience {
    return new Patience(this.#runtime, this.boundMs * factor)
  }

  /** @param what what is awaited, as of the moment when the wait is given up */
  async until(what: string | (() => string), condition: () => boolean | Promise<boolean>): Promise<void> {
    const startedAt = this.#runtime.monotonic()
    while (!(await condition())) {
      if (this.#runtime.monotonic() - startedAt > this.boundMs)
        throw this.#spent(typeof what === 'string' ? what : what())
      await this.pause(LOOK_EVERY_MS)
    }
  }

  /** The promise's own outcome, or an error that says what did not come. */
  async within<T>(what: string, promise: Promise<T>): Promise<T> {
    let timer: { cancel(): void } | undefined
    const spent = new Promise<never>((_, reject) => {
      timer = this.#runtime.setTimer(this.boundMs, () => reject(this.#spent(what)))
    })
    try {
      return await Promise.race([promise, spent])
    } finally {
      timer?.cancel()
    }
  }

  /** Lets time pass, where time itself is what the clause is about. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#runtime.setTimer(ms, resolve))
  }

  #spent(what: string): Error {
    return new Error(`waited ${this.boundMs} ms for: ${what}`)
  }
}
