import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { AmqpEngine, Publication, PublishResult } from './engine.ts'

/** About half a minute of tries; then the message goes back to its queue, and the trouble is reported. */
const MOST_TRIES = 10

interface Move {
  readonly publication: Publication
  readonly done: (error: Error | undefined) => void
  tries: number
}

/**
 * Moves messages from one queue to another without losing one: a confirmed publish, and then `done`, which acknowledges
 * the original. What the broker does not take is tried again with back-off; the original stays unacknowledged meanwhile,
 * which also bounds this: there are never more moves than unsettled deliveries. Moves of one turn are one publish.
 */
export class ConfirmedMoves {
  readonly #engine: AmqpEngine
  readonly #runtime: Runtime
  readonly #repair: (queue: string) => Promise<void>
  readonly #timers = new Set<Timer>()
  #pending: Move[] = []
  #scheduled = false
  #ended = false

  /** @param repair declares a queue again that was found missing */
  constructor(engine: AmqpEngine, runtime: Runtime, repair: (queue: string) => Promise<void>) {
    this.#engine = engine
    this.#runtime = runtime
    this.#repair = repair
  }

  /** Calls `done()` once the broker has the message, or `done(error)` when it would not take it. Neither after `end`. */
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
      const results = await this.#engine.publish(batch.map((move) => move.publication))
      if (this.#ended) return
      const missing = new Set<string>()
      batch.forEach((move, n) => {
        if (results[n]?.outcome === 'unroutable') missing.add(move.publication.routingKey)
      })
      // A failed repair shows in the next try's answer.
      if (missing.size > 0) await Promise.allSettled([...missing].map((queue) => this.#repair(queue)))
      batch.forEach((move, n) => this.#answered(move, results[n]))
    } finally {
      release()
    }
  }

  #answered(move: Move, result: PublishResult | undefined): void {
    if (this.#ended) return
    if (result?.outcome === 'accepted') return move.done(undefined)
    if (++move.tries >= MOST_TRIES) return move.done(errorOf(result, move.publication.routingKey))
    const timer = this.#runtime.setTimer(backOffMs(move.tries - 1, this.#runtime), () => {
      this.#timers.delete(timer)
      this.#add(move)
    })
    this.#timers.add(timer)
  }
}

function errorOf(result: PublishResult | undefined, queue: string): Error {
  return result !== undefined && 'error' in result ? result.error : new Error(`queue ${queue} does not exist`)
}
