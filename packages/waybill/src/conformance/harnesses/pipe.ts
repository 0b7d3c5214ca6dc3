import type { Runtime } from '../../runtime/runtime.ts'

/** One direction of a link, in order: open, slow, or stalled until it is opened again. */
export class Pipe {
  readonly #runtime: Runtime
  #waiting: (() => void)[] = []
  #stalled = false
  #delayMs = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Runs `fn` when what it carries arrives at the other end. */
  pass(fn: () => void): void {
    if (!this.#stalled && this.#delayMs === 0 && this.#waiting.length === 0) return fn()
    this.#waiting.push(fn)
    if (!this.#stalled) this.#runtime.setTimer(this.#delayMs, () => this.#next())
  }

  stall(): void {
    this.#stalled = true
  }

  slow(delayMs: number): void {
    this.#delayMs = delayMs
  }

  open(): void {
    this.#stalled = false
    this.#delayMs = 0
    for (const fn of this.#waiting.splice(0)) fn()
  }

  /** What is on its way is lost. */
  drop(): void {
    this.#waiting = []
  }

  // Timers of one length fire in order; one that finds nothing was overtaken by open() or drop().
  #next(): void {
    if (!this.#stalled) this.#waiting.shift()?.()
  }
}
