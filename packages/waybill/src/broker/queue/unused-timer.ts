import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** Ends a queue that nobody has used for a time (`x-expires`). */
export class UnusedTimer {
  readonly #runtime: Runtime
  readonly #afterMs: number | undefined
  readonly #expire: () => void
  #timer: Timer | undefined

  /** @param afterMs never when absent */
  constructor(runtime: Runtime, afterMs: number | undefined, expire: () => void) {
    this.#runtime = runtime
    this.#afterMs = afterMs
    this.#expire = expire
  }

  /** Counts from now. */
  start(): void {
    if (this.#afterMs === undefined) return
    this.#timer?.cancel()
    this.#timer = this.#runtime.setTimer(this.#afterMs, this.#expire)
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
