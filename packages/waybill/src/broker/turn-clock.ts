import type { Runtime } from '../runtime/runtime.ts'

/** The wall clock, read once for all that is published in a row, before anything else runs. */
export class TurnClock {
  readonly #runtime: Runtime
  #now: number | undefined
  readonly #forget = (): void => {
    this.#now = undefined
  }

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  now(): number {
    if (this.#now !== undefined) return this.#now
    this.#now = this.#runtime.now()
    queueMicrotask(this.#forget)
    return this.#now
  }
}
