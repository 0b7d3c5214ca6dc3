import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { Publication, Publisher, PublishResult } from './publisher.ts'

/** About half a minute of tries; then the message goes back to where it was, and the trouble is reported. */
const MOST_TRIES = 10

interface Move {
  readonly publication: Publication
  readonly done: (error: Error | undefined) => void
  tries: number
}

/**
 * Moves messages from one place to another without losing one: a confirmed publish, and then `done`, which acknowledges the
 * original. What the server does not take is tried again with back-off; the original stays unacknowledged meanwhile, which
 * also bounds this: there are never more moves than unsettled deliveries. Moves of one turn are one publish.
 */
export class Moves {
  readonly #publisher: Publisher
  readonly #runtime: Runtime
  readonly #repair: () => Promise<void>
  readonly #timers = new Set<Timer>()
  #pending: Move[] = []
  #scheduled = false
  #ended = false

  /** @param repair makes the streams again that were found missing */
  constructor(publisher: Publisher, runtime: Runtime, repair: () => Promise<void>) {
    this.#publisher = publisher
    this.#runtime = runtime
    this.#repair = repair
  }

  /** Calls `done()` once the server has the message, or `done(error)` when it would not take it. Neither after `end`. */
  move(publication: Publication, done: (error: Error | undefined) => void): void {
    this.#add({ publication, done, tries: 0 })
  }

  /** The deliveries to be acknowledged are void, for instance after a lost link: forgets all. */
  end(): void {
    this.#ended = true
    this.#pending = []
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #add(move: Move): void {
    if (this.#ended) return
    this.#pending.push(move)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#runtime.defer(() => void this.#publish())
  }

  async #publish(): Promise<void> {
    this.#scheduled = false
    const batch = this.#pending
    if (batch.length === 0) return
    this.#pending = []
    const release = this.#runtime.hold('moving messages')
    try {
      const results = await this.#publisher.publish(batch.map((move) => move.publication))
      if (this.#ended) return
      // A failed repair shows in the next try's answer.
      if (results.some(({ outcome }) => outcome === 'unroutable')) await this.#repair().catch(() => undefined)
      batch.forEach((move, n) => this.#answered(move, results[n]))
    } finally {
      release()
    }
  }

  #answered(move: Move, result: PublishResult | undefined): void {
    if (this.#ended) return
    if (result?.outcome === 'accepted') return move.done(undefined)
    if (++move.tries >= MOST_TRIES) return move.done(errorOf(result, move.publication.subject))
    const timer = this.#runtime.setTimer(backOffMs(move.tries - 1, this.#runtime), () => {
      this.#timers.delete(timer)
      this.#add(move)
    })
    this.#timers.add(timer)
  }
}

function errorOf(result: PublishResult | undefined, subject: string): Error {
  return result !== undefined && 'error' in result ? result.error : new Error(`no stream has ${subject}`)
}
