import type { Runtime } from '../runtime/runtime.ts'

/** Counts what is unsettled, and lets one wait for none, with a bound. */
export class Idle {
  readonly #runtime: Runtime
  #count = 0
  #waiters: (() => void)[] = []

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get count(): number {
    return this.#count
  }

  add(n: number): void {
    this.#count += n
  }

  remove(n: number): void {
    this.#count -= n
    if (this.#count <= 0) this.#wake()
  }

  /** What was counted is void. */
  reset(): void {
    this.#count = 0
    this.#wake()
  }

  /** Resolves at zero, or `withinMs` from now at the latest. */
  wait(withinMs: number): Promise<void> {
    if (this.#count === 0 || withinMs <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#runtime.setTimer(withinMs, resolve)
      this.#waiters.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}
