// Where a look at a queue begins. While some transaction of the database holds an old snapshot, vacuum removes no row that was
// deleted since; each look from the beginning would pass over all of them. So it begins at the lowest id that was there some
// seconds ago: what is below has been settled, or its transaction had taken its ids and not committed. What commits as late as
// that is found by a look from the very beginning, now and then.
const SETTLES_AFTER_MS = 5_000
const SWEEP_EVERY_MS = 15_000

export class LowWater {
  #low = 0
  #candidate: number | undefined
  #seenAt = 0
  #sweptAt: number

  constructor(now: number) {
    this.#sweptAt = now
  }

  /** The id to begin with. */
  from(now: number): number {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return this.#low
    this.#sweptAt = now
    return 0
  }

  /** The lowest id that is there, from {@link low} on. */
  saw(lowest: number, now: number): void {
    if (this.#candidate !== undefined && now - this.#seenAt < SETTLES_AFTER_MS) return
    this.#low = Math.max(this.#low, this.#candidate ?? 0)
    this.#candidate = lowest
    this.#seenAt = now
  }

  get low(): number {
    return this.#low
  }
}
