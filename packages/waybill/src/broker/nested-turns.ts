import type { Runtime } from '../runtime/runtime.ts'

/** Steps in one turn of the event loop: each may cause others, without end for all that is known here. */
const STEPS = 128

/**
 * Runs what may cause more of its kind, in the order in which calls within calls would run it, yet without their depth, and
 * not for ever in one turn of the event loop.
 */
export class NestedTurns {
  readonly #runtime: Runtime
  /** What the turn before has left, the next one last. */
  #next: (() => void)[] = []
  /** Those that were asked for meanwhile. */
  #waiting: (() => void)[] = []
  /** Those that have come since, in their order. */
  #caused: (() => void)[] = []
  #isRunning = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Now, behind those that wait, or where this is called by one of them right behind that one. */
  run(step: () => void): void {
    if (this.#isRunning) this.#caused.push(step)
    else if (this.#next.length > 0) this.#waiting.push(step)
    else {
      this.#next.push(step)
      this.#turn()
    }
  }

  #turn(): void {
    this.#isRunning = true
    try {
      for (let steps = 0; steps < STEPS && this.#next.length > 0; steps++) {
        this.#next.pop()?.()
        while (this.#caused.length > 0) this.#next.push(this.#caused.pop() as () => void) // not empty
      }
    } finally {
      this.#isRunning = false
    }
    if (this.#next.length === 0) {
      this.#next = this.#waiting.toReversed()
      this.#waiting = []
    }
    if (this.#next.length > 0) this.#runtime.defer(() => this.#turn())
  }
}
