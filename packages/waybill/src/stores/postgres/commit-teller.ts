import type { Runtime, Timer } from '../../runtime/runtime.ts'

/** After a row was written in a transaction whose end nobody tells us of: most are short. */
const SOON_MS = [25, 250, 1_000] as const

/**
 * Tells other processes that the outbox has something new: after the commit, by a transaction of its own that writes nothing, since
 * one that notifies holds a lock of the whole database until it is on the disk. One at a time, however many commits there are.
 */
export class CommitTeller {
  readonly #runtime: Runtime
  readonly #notify: () => Promise<void>
  #telling: Promise<void> | undefined
  #again = false
  #timers: readonly Timer[] = []
  #waiting = 0
  #ended = false

  constructor(runtime: Runtime, notify: () => Promise<void>) {
    this.#runtime = runtime
    this.#notify = notify
  }

  tell(when: 'now' | 'soon'): void {
    if (this.#ended) return
    if (when === 'soon') return this.#soon()
    this.#again = true
    this.#telling ??= this.#run()
  }

  async end(): Promise<void> {
    this.#ended = true
    for (const timer of this.#timers) timer.cancel()
    await this.#telling
  }

  /** Those that come while the first wait is not over are told with it, and found by the later ones. */
  #soon(): void {
    if (this.#waiting === SOON_MS.length) return
    for (const timer of this.#timers) timer.cancel()
    this.#waiting = SOON_MS.length
    this.#timers = SOON_MS.map((ms) =>
      this.#runtime.setTimer(ms, () => {
        this.#waiting--
        this.tell('now')
      }),
    )
  }

  async #run(): Promise<void> {
    const release = this.#runtime.hold('telling of a commit')
    try {
      while (this.#again) {
        this.#again = false
        await this.#notify()
      }
    } catch {
      // The database is away: those who listen look by themselves, too.
      this.#again = false
    } finally {
      this.#telling = undefined
      release()
    }
  }
}
