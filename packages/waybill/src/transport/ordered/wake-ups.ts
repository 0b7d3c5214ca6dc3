import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Runtime } from '../../runtime/runtime.ts'

/** When keys are to be looked at again: once for each key and time, however often it is said. */
export class WakeUps {
  readonly #runtime: Runtime
  readonly #deadlines: Deadlines
  readonly #wake: (key: string) => void
  readonly #due = new Map<string, number>()

  constructor(runtime: Runtime, deadlines: Deadlines, wake: (key: string) => void) {
    this.#runtime = runtime
    this.#deadlines = deadlines
    this.#wake = wake
  }

  /** @param due milliseconds since the epoch */
  at(key: string, due: number): void {
    if (this.#due.get(key) === due) return
    this.#due.set(key, due)
    this.#deadlines.add(due - this.#runtime.now(), () => {
      if (this.#due.get(key) === due) this.#due.delete(key)
      this.#wake(key)
    })
  }
}
