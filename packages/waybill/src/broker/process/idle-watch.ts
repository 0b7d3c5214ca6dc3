import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** Calls `idle` once nothing has been in use for `idleMs`, counted from the beginning too. */
export class IdleWatch {
  readonly #runtime: Runtime
  readonly #idleMs: number
  readonly #idle: () => void
  #timer: Timer | undefined

  constructor(runtime: Runtime, idleMs: number, idle: () => void) {
    this.#runtime = runtime
    this.#idleMs = idleMs
    this.#idle = idle
    this.inUse(0)
  }

  inUse(count: number): void {
    this.#timer?.cancel()
    this.#timer = count > 0 ? undefined : this.#runtime.setTimer(this.#idleMs, this.#idle)
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
