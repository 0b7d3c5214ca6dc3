import type { Runtime, Timer } from '../../runtime/runtime.ts'

/**
 * Looks into the database, one look at a time: when it is told that there is something, when something is due, and now and
 * then by itself, since a notification may be lost. A look that fails with the link goes with it; the next link has its own.
 */
export class Looking {
  readonly #runtime: Runtime
  readonly #look: () => Promise<void>
  readonly #failed: (error: unknown) => void
  readonly #pollMs: number
  #poll: Timer | undefined
  #due: Timer | undefined
  #dueAt = Infinity
  #running: Promise<void> | undefined
  #again = false
  #ended = false

  constructor(runtime: Runtime, pollMs: number, look: () => Promise<void>, failed: (error: unknown) => void) {
    this.#runtime = runtime
    this.#pollMs = pollMs
    this.#look = look
    this.#failed = failed
    this.#schedule()
  }

  /** Looks now, or once more after the look of now. */
  soon(): void {
    if (this.#ended) return
    this.#again = true
    this.#running ??= this.#run()
  }

  /** Looks at `inMs` from now at the latest. */
  within(inMs: number): void {
    const at = this.#runtime.monotonic() + Math.max(0, inMs)
    if (this.#ended || at >= this.#dueAt) return
    this.#dueAt = at
    this.#due?.cancel()
    // Longer waits than a timer can do are looked after by then.
    this.#due = this.#runtime.setTimer(Math.min(Math.max(0, inMs), 2 ** 30), () => {
      this.#dueAt = Infinity
      this.soon()
    })
  }

  /** Looks no more; resolves when the last look has ended. */
  async end(): Promise<void> {
    this.#ended = true
    this.#poll?.cancel()
    this.#due?.cancel()
    await this.#running
  }

  #schedule(): void {
    this.#poll = this.#runtime.setTimer(this.#pollMs, () => {
      this.soon()
      if (!this.#ended) this.#schedule()
    })
  }

  async #run(): Promise<void> {
    const release = this.#runtime.hold('looking for messages')
    try {
      while (this.#again && !this.#ended) {
        this.#again = false
        await this.#look()
      }
    } catch (error) {
      if (!this.#ended) this.#failed(error)
    } finally {
      this.#running = undefined
      release()
    }
  }
}
