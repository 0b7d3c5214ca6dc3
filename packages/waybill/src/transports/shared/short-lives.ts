import type { Runtime } from '../../runtime/runtime.ts'

const WITHIN_MS = 10_000
const FREE = 20
const PAUSE_MS = 1_000

/**
 * Holds back who starts brokers that die as soon as they serve: after twenty of them in ten seconds each next one waits a
 * second. The first deaths cost nobody any time.
 */
export class ShortLives {
  readonly #runtime: Runtime
  /** When each of the newest was first seen; at most `FREE`. */
  readonly #seenAt: number[] = []
  #last: string | undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  seen(instance: string): void {
    if (instance === this.#last) return
    this.#last = instance
    this.#seenAt.push(this.#runtime.monotonic())
    if (this.#seenAt.length > FREE) this.#seenAt.shift()
  }

  async pause(): Promise<void> {
    const [oldest] = this.#seenAt
    if (oldest === undefined || this.#seenAt.length < FREE || this.#runtime.monotonic() - oldest > WITHIN_MS) return
    const release = this.#runtime.keepAlive()
    await new Promise<void>((resolve) => void this.#runtime.setTimer(PAUSE_MS, resolve))
    release()
  }
}
