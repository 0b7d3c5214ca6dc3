/** Rows that are waited for, at most: beyond, the poll finds them. */
const MAX_EXPECTED = 1_024
const FIRST_MS = 2
const LAST_MS = 1_000

/** Looks at short, growing intervals for rows whose commit nobody tells of. */
export class Probes {
  readonly #expected = new Set<string>()
  #intervalMs = FIRST_MS
  #at = Infinity

  expect(id: string, now: number): void {
    if (this.#expected.size >= MAX_EXPECTED) return
    this.#expected.add(id)
    this.#intervalMs = FIRST_MS
    this.#at = now + FIRST_MS
  }

  get nextDue(): number {
    return this.#at
  }

  /** Whether it is time to look; then the next time is set, until the intervals have grown too long. */
  due(now: number): boolean {
    if (now < this.#at) return false
    this.#intervalMs *= 2
    const over = this.#intervalMs > LAST_MS
    if (over) this.#expected.clear()
    this.#at = over ? Infinity : now + this.#intervalMs
    return true
  }

  /** These rows were found. */
  seen(ids: readonly string[]): void {
    if (this.#expected.size === 0) return
    for (const id of ids) this.#expected.delete(id)
    if (this.#expected.size === 0) this.#at = Infinity
  }
}
