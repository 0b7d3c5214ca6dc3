// What calls came to lately. Bounded: a ring of single outcomes, or a ring of slices of time.

/** Counts of the newest calls. */
export interface OutcomeWindow {
  readonly calls: number
  readonly failures: number
  add(failed: boolean, now: number): void
  /** Lets go of what is too old by `now`. */
  age(now: number): void
  clear(): void
}

/** The newest `size` calls, however old. */
export class CountWindow implements OutcomeWindow {
  readonly #failed: Uint8Array
  #next = 0
  calls = 0
  failures = 0

  constructor(size: number) {
    this.#failed = new Uint8Array(size)
  }

  add(failed: boolean): void {
    if (this.calls === this.#failed.length)
      this.failures -= this.#failed[this.#next] as number // within the ring
    else this.calls++
    this.#failed[this.#next] = failed ? 1 : 0
    if (failed) this.failures++
    this.#next = (this.#next + 1) % this.#failed.length
  }

  age(): void {}

  clear(): void {
    this.#next = 0
    this.calls = 0
    this.failures = 0
  }
}

/** Slices of a time window: what is forgotten is forgotten a tenth at a time. */
const SLICES = 10

/** The calls of the last `ms` milliseconds. */
export class TimeWindow implements OutcomeWindow {
  readonly #sliceMs: number
  readonly #calls = new Float64Array(SLICES)
  readonly #failures = new Float64Array(SLICES)
  /** Number of the newest slice since the clock's origin. */
  #slice = 0
  calls = 0
  failures = 0

  constructor(ms: number) {
    this.#sliceMs = ms / SLICES
  }

  add(failed: boolean, now: number): void {
    this.age(now)
    const at = this.#slice % SLICES
    this.#calls[at] = (this.#calls[at] as number) + 1 // within the ring
    this.calls++
    if (!failed) return
    this.#failures[at] = (this.#failures[at] as number) + 1 // within the ring
    this.failures++
  }

  age(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    const passed = Math.min(SLICES, slice - this.#slice)
    for (let n = 1; n <= passed; n++) {
      const at = (slice - passed + n) % SLICES
      this.calls -= this.#calls[at] as number // within the ring
      this.failures -= this.#failures[at] as number // within the ring
      this.#calls[at] = 0
      this.#failures[at] = 0
    }
    if (passed > 0) this.#slice = slice
  }

  clear(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
    this.calls = 0
    this.failures = 0
  }
}
