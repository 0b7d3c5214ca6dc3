import type { Runtime, Timer } from '../runtime/runtime.ts'
import { backOffMs } from './back-off.ts'

/** About half a minute of tries; then the message goes back to where it was, and the trouble is reported. */
const MOST_TRIES = 10

export type MoveResult =
  | { readonly outcome: 'accepted' }
  /** The place does not exist. */
  | { readonly outcome: 'unroutable' }
  | { readonly outcome: 'refused' | 'unknown'; readonly error: Error }

/** What messages are moved through. */
export interface Mover<Publication> {
  /** With confirms. Answers each, in order; never rejects. */
  publish(batch: readonly Publication[]): Promise<readonly MoveResult[]>
}

interface Move<Publication> {
  readonly publication: Publication
  readonly done: (error: Error | undefined) => void
  tries: number
}

/**
 * Moves messages from one place to another without losing one: a confirmed publish, and then `done`, which acknowledges the
 * original. What the engine does not take is tried again with back-off; the original stays unacknowledged meanwhile, which
 * also bounds this: there are never more moves than unsettled deliveries. Moves of one turn are one publish.
 */
export class ConfirmedMoves<Publication> {
  readonly #mover: Mover<Publication>
  readonly #runtime: Runtime
  readonly #repair: (missing: readonly Publication[]) => Promise<void>
  readonly #placeOf: (publication: Publication) => string
  readonly #timers = new Set<Timer>()
  #pending: Move<Publication>[] = []
  #scheduled = false
  #ended = false

  /**
   * @param repair makes the places again that were found missing
   * @param placeOf names the place, for people
   */
  constructor(
    mover: Mover<Publication>,
    runtime: Runtime,
    repair: (missing: readonly Publication[]) => Promise<void>,
    placeOf: (publication: Publication) => string,
  ) {
    this.#mover = mover
    this.#runtime = runtime
    this.#repair = repair
    this.#placeOf = placeOf
  }

  /** Calls `done()` once the engine has the message, or `done(error)` when it would not take it. Neither after `end`. */
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

  #add(move: Move<Publication>): void {
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
      const results = await this.#mover.publish(batch.map((move) => move.publication))
      if (this.#ended) return
      const missing = batch.filter((_, n) => results[n]?.outcome === 'unroutable').map(({ publication }) => publication)
      // A failed repair shows in the next try's answer.
      if (missing.length > 0) await this.#repair(missing).catch(() => undefined)
      batch.forEach((move, n) => this.#answered(move, results[n]))
    } finally {
      release()
    }
  }

  #answered(move: Move<Publication>, result: MoveResult | undefined): void {
    if (this.#ended) return
    if (result?.outcome === 'accepted') return move.done(undefined)
    if (++move.tries >= MOST_TRIES) return move.done(this.#errorOf(result, move.publication))
    const timer = this.#runtime.setTimer(backOffMs(move.tries - 1, this.#runtime), () => {
      this.#timers.delete(timer)
      this.#add(move)
    })
    this.#timers.add(timer)
  }

  #errorOf(result: MoveResult | undefined, publication: Publication): Error {
    return result !== undefined && 'error' in result
      ? result.error
      : new Error(`${this.#placeOf(publication)} does not exist`)
  }
}
