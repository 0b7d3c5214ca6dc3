import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** Whoever starts a broker has so long to come in for the first time. */
const FIRST_MS = 5_000

/** Calls `idle` once nothing has been in use for `idleMs`; in the beginning, for five seconds at least. */
export class IdleWatch {
  readonly #runtime: Runtime
  readonly #idleMs: number
  readonly #idle: () => void
  #timer: Timer | undefined

  constructor(runtime: Runtime, idleMs: number, idle: () => void) {
    this.#runtime = runtime
    this.#idleMs = idleMs
    this.#idle = idle
    this.#wait(Math.max(idleMs, FIRST_MS))
  }

  inUse(count: number): void {
    this.#timer?.cancel()
    if (count === 0) this.#wait(this.#idleMs)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #wait(ms: number): void {
    this.#timer = this.#runtime.setTimer(ms, this.#idle)
  }
}
