import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** Wakes a queue when the message at its head expires. One timer, however many messages. */
export class HeadTimer {
  readonly #runtime: Runtime
  readonly #wake: () => void
  #timer: Timer | undefined
  #due = Infinity

  constructor(runtime: Runtime, wake: () => void) {
    this.#runtime = runtime
    this.#wake = wake
  }

  /**
   * Wakes at the deadline, or before it: a timer for an earlier one stays, so that heads that come and go cost no timers.
   *
   * @param deadline milliseconds since the epoch
   */
  set(deadline: number): void {
    if (deadline >= this.#due) return
    this.stop()
    this.#due = deadline
    this.#timer = this.#runtime.setTimer(deadline - this.#runtime.now(), () => {
      this.#due = Infinity
      this.#wake()
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#due = Infinity
  }
}
