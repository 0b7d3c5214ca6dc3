import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** Ends a queue that nobody has used for a time (`x-expires`). */
export class UnusedTimer {
  readonly #runtime: Runtime
  #afterMs: number | undefined
  readonly #expire: () => void
  #timer: Timer | undefined

  /** @param afterMs never when absent */
  constructor(runtime: Runtime, afterMs: number | undefined, expire: () => void) {
    this.#runtime = runtime
    this.#afterMs = afterMs
    this.#expire = expire
  }

  /** Another time from now on; it does not count yet. */
  set afterMs(afterMs: number | undefined) {
    this.#afterMs = afterMs
    this.stop()
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
