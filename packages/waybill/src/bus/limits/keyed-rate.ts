// A rate for each key: deliveries whose key may not go yet stand in line here, and take no slot.
import type { RateLimit } from '../../resilience/rate-limit.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Delivery } from '../../transport/transport.ts'
import type { Waiting } from './waiting.ts'

interface Line {
  /** Never empty. */
  waiting: Waiting[]
  timer: Timer
}

/** Bounds: lines hold what the prefetch allows; the limit bounds the keys that it remembers. */
export class KeyedRate {
  readonly #limit: RateLimit
  readonly #keyOf: (delivery: Delivery) => string | undefined | Promise<string | undefined>
  readonly #runtime: Runtime
  readonly #lines = new Map<string, Line>()

  /** @param keyOf of a delivery; `undefined` of what cannot be read, which no rate holds back */
  constructor(
    limit: RateLimit,
    keyOf: (delivery: Delivery) => string | undefined | Promise<string | undefined>,
    runtime: Runtime,
  ) {
    this.#limit = limit
    this.#keyOf = keyOf
    this.#runtime = runtime
  }

  /** Whether it may go now. Otherwise it stands in line, and `pass` is called when its time has come. */
  admit(waiting: Waiting, pass: (waiting: Waiting) => void): boolean | Promise<boolean> {
    const key = this.#keyOf(waiting.delivery)
    return key instanceof Promise
      ? key.then((known) => this.#admit(known, waiting, pass))
      : this.#admit(key, waiting, pass)
  }

  /** Takes those out of their lines that `isWanted`. */
  remove(isWanted: (waiting: Waiting) => boolean): readonly Waiting[] {
    const removed: Waiting[] = []
    for (const [key, line] of this.#lines) {
      removed.push(...line.waiting.filter(isWanted))
      line.waiting = line.waiting.filter((each) => !isWanted(each))
      if (line.waiting.length > 0) continue
      line.timer.cancel()
      this.#lines.delete(key)
    }
    return removed
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  get all(): readonly Waiting[] {
    return [...this.#lines.values()].flatMap((line) => line.waiting)
  }

  #admit(key: string | undefined, waiting: Waiting, pass: (waiting: Waiting) => void): boolean {
    if (key === undefined) return true
    const line = this.#lines.get(key)
    if (line !== undefined) {
      line.waiting.push(waiting)
      return false
    }
    const waitMs = this.#limit.take(key, this.#runtime.monotonic())
    if (waitMs === 0) return true
    this.#lines.set(key, { waiting: [waiting], timer: this.#timer(key, waitMs, pass) })
    return false
  }

  #timer(key: string, waitMs: number, pass: (waiting: Waiting) => void): Timer {
    return this.#runtime.setTimer(Math.ceil(waitMs), () => {
      const line = this.#lines.get(key)
      if (line === undefined) return
      const waitAgainMs = this.#limit.take(key, this.#runtime.monotonic())
      const first = waitAgainMs === 0 ? line.waiting.shift() : undefined
      if (line.waiting.length === 0) this.#lines.delete(key)
      else line.timer = this.#timer(key, Math.max(1, waitAgainMs), pass)
      if (first !== undefined) pass(first)
    })
  }
}
