import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { LinkedSubscription } from './subscription-context.ts'

/** One question for each queue consumed; a consumer lost without a word is noticed within this and a second. */
export const CHECK_EVERY_MS = 5_000

/**
 * Asks the broker from time to time whether it still counts our consumers: an operator, a change of leader or a bug of
 * the broker may end one, and nobody is told. One round at a time, the next an interval after the last has ended.
 */
export class AttachmentWatch {
  readonly #runtime: Runtime
  readonly #everyMs: number
  readonly #subscriptions: ReadonlySet<LinkedSubscription>
  #timer: Timer | undefined
  #ended = false

  constructor(subscriptions: ReadonlySet<LinkedSubscription>, runtime: Runtime, everyMs: number) {
    this.#subscriptions = subscriptions
    this.#runtime = runtime
    this.#everyMs = everyMs
  }

  begin(): void {
    if (!this.#ended) this.#timer = this.#runtime.setTimer(this.#everyMs, () => void this.#round())
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }

  async #round(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.check()))
    this.begin()
  }
}
