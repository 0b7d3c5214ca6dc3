import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** One timer for whoever has to look again at the earliest of several times. */
export class WakeTimer {
  readonly #runtime: Runtime
  readonly #look: () => void
  #timer: Timer | undefined
  #dueAt = Infinity

  constructor(runtime: Runtime, look: () => void) {
    this.#runtime = runtime
    this.#look = look
  }

  /** Looks again in so many milliseconds, or earlier where that was asked for before; Infinity asks for nothing. */
  in(ms: number): void {
    const dueAt = this.#runtime.monotonic() + ms
    if (!Number.isFinite(ms) || dueAt >= this.#dueAt) return
    this.#timer?.cancel()
    this.#dueAt = dueAt
    this.#timer = this.#runtime.setTimer(Math.ceil(ms), () => {
      this.#dueAt = Infinity
      this.#look()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#dueAt = Infinity
  }
}
