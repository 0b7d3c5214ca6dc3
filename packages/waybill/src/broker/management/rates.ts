import type { Runtime, Timer } from '../../runtime/runtime.ts'

const EVERY_MS = 5_000
/** Nobody has asked for so many samples: there is no need of more until somebody does. */
const MOST_UNASKED = 12

/** Numbers that only grow, by name. */
export type Counts = Readonly<Record<string, number>>

/** Something that counts. */
export interface Counted {
  /** Stays the same for as long as it counts. */
  readonly of: object
  readonly counts: Counts
}

interface Sample {
  readonly counts: Counts
  /** A second, since the sample before. */
  readonly rates: Counts
}

/** How fast counters grow: they are looked at every five seconds, for as long as somebody wants to know. */
export class Rates {
  readonly #runtime: Runtime
  readonly #sources: () => Iterable<Counted>
  #samples = new WeakMap<object, Sample>()
  #timer: Timer | undefined
  #unasked = 0
  #at = 0

  /** @param sources all that is to be sampled */
  constructor(runtime: Runtime, sources: () => Iterable<Counted>) {
    this.#runtime = runtime
    this.#sources = sources
  }

  /** A second, between the last two samples; 0 while there are no two. */
  rate(of: object, name: string): number {
    this.#asked()
    return this.#samples.get(of)?.rates[name] ?? 0
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #asked(): void {
    this.#unasked = 0
    if (this.#timer === undefined) this.#sample()
  }

  #sample(): void {
    const now = this.#runtime.monotonic()
    const seconds = (now - this.#at) / 1_000
    // What was seen before a pause says nothing of now.
    if (this.#timer === undefined) this.#samples = new WeakMap()
    this.#at = now
    for (const { of, counts } of this.#sources()) {
      const before = this.#samples.get(of)?.counts
      const rates = before === undefined ? {} : growth(before, counts, seconds)
      this.#samples.set(of, { counts, rates })
    }
    this.#timer = this.#runtime.setTimer(EVERY_MS, () => {
      if (++this.#unasked > MOST_UNASKED) this.#timer = undefined
      else this.#sample()
    })
  }
}

function growth(before: Counts, now: Counts, seconds: number): Counts {
  return Object.fromEntries(
    Object.entries(now).map(([name, count]) => [
      name,
      Math.round(((count - (before[name] ?? 0)) / seconds) * 100) / 100,
    ]),
  )
}
