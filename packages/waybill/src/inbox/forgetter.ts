import type { Runtime, Timer } from '../runtime/runtime.ts'
import type { Store } from '../store/store.ts'

/** Rows deleted by one statement: so few that nobody waits for it. */
const PORTION = 1_000
/** Portions in a row, before others have a turn. */
const MAX_PORTIONS = 100
const SHORTEST_MS = 1_000
const LONGEST_MS = 3_600_000

/**
 * Deletes what the inbox need not remember any more, a thousandth of its retention late at most, in small portions. Several
 * instances may do so at a time.
 */
export class Forgetter {
  readonly #store: Store<unknown>
  readonly #runtime: Runtime
  readonly #failed: (error: unknown) => void
  readonly #intervalMs: number
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #stopped = false

  constructor(store: Store<unknown>, runtime: Runtime, failed: (error: unknown) => void) {
    this.#store = store
    this.#runtime = runtime
    this.#failed = failed
    this.#intervalMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, store.inboxRetentionMs / 1_000))
  }

  start(): void {
    // Not all instances at once.
    this.#arm(this.#intervalMs * this.#runtime.random())
  }

  async close(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#working
  }

  #arm(ms: number): void {
    if (this.#stopped) return
    this.#timer = this.#runtime.setTimer(Math.ceil(ms), () => {
      this.#working = this.#forget().then(() => this.#arm(this.#intervalMs))
    })
  }

  async #forget(): Promise<void> {
    const release = this.#runtime.hold('forgetting what the inbox has received')
    try {
      for (let portion = 0; portion < MAX_PORTIONS && !this.#stopped; portion++)
        if ((await this.#store.forgetReceived(PORTION)) < PORTION) break
    } catch (error) {
      this.#failed(error)
    } finally {
      release()
    }
  }
}
