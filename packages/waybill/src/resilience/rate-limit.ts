// How often something may begin: the generic cell rate algorithm (ITU-T I.371, annex A), which is a token bucket whose
// state is one number, the instant at which the bucket will be full again. On monotonic time; nothing here waits.
import { durationMs, type Duration } from '../runtime/duration.ts'

/** How often a handler may begin. */
export interface Rate {
  /** So many messages... */
  readonly limit: number
  /** ...in so long. */
  readonly per: Duration
  /** So many may follow at once after a pause. Default `limit`. */
  readonly burst?: number
}

/** One more than this: those that come wait until an earlier key's bucket is full, and it is forgotten. */
const MAX_KEYS = 100_000
/** Full buckets are looked for when there are so many more than after the last look. */
const LOOK_AFTER = 1_000
const MAX_LIMIT = 1_000_000

export class RateLimit {
  readonly #intervalMs: number
  readonly #depthMs: number
  readonly #maxKeys: number
  /** When each bucket is full; an absent one is. */
  readonly #fullAt = new Map<string, number>()
  #nextLook = LOOK_AFTER

  /**
   * @param at how the options are called in an error
   * @throws {TypeError} for an option out of range
   */
  constructor(rate: Rate, at: string, maxKeys: number = MAX_KEYS) {
    const { limit, per, burst = limit } = rate
    const perMs = durationMs(per)
    whole(`${at}.limit`, limit)
    whole(`${at}.burst`, burst)
    if (perMs === 0) throw new TypeError(`${at}.per must be longer than nothing`)
    this.#intervalMs = perMs / limit
    this.#depthMs = this.#intervalMs * burst
    this.#maxKeys = maxKeys
  }

  /** Buckets that are not full, and those that are and not forgotten yet. */
  get keys(): number {
    return this.#fullAt.size
  }

  /**
   * Takes `count` tokens of `key`, or says how many milliseconds to wait before asking again. One token that is there is
   * enough: what is taken beyond is owed, and the next one waits for it.
   */
  take(key: string, now: number, count = 1): number {
    const fullAt = this.#fullAt.get(key)
    if (fullAt === undefined && this.#fullAt.size >= Math.min(this.#nextLook, this.#maxKeys)) {
      this.#forgetFull(now)
      if (this.#fullAt.size >= this.#maxKeys) return this.#untilOneIsFull(now)
    }
    const waitMs = this.waitMs(key, now)
    if (waitMs > 0) return waitMs
    this.#fullAt.set(key, Math.max(fullAt ?? now, now) + this.#intervalMs * count)
    return 0
  }

  /** Milliseconds until `key` has a token; takes none. */
  waitMs(key: string, now: number): number {
    const waitMs = (this.#fullAt.get(key) ?? now) + this.#intervalMs - this.#depthMs - now
    // Rounding of fractions of a millisecond must not make a due token wait.
    return waitMs > 1e-6 ? waitMs : 0
  }

  #forgetFull(now: number): void {
    for (const [key, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(key)
    this.#nextLook = this.#fullAt.size + LOOK_AFTER
  }

  #untilOneIsFull(now: number): number {
    let first = Infinity
    for (const fullAt of this.#fullAt.values()) first = Math.min(first, fullAt)
    return first - now
  }
}

function whole(what: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT) return
  throw new TypeError(`${what} must be a whole number from 1 to ${MAX_LIMIT}, not ${value}`)
}
