// How a member becomes the owner of a shard without a moment in which order could break. No input or output of its own.
//
// The engine gives each queue to one consumer at a time, but main queue and lane are two queues, and what the former
// owner put into the lane may still be behind what we read first. A marker, a message of ours put into the lane, proves
// by coming back that the lane is ours, and that everything stored in it before has been seen:
//
//   probing     first marker out. It comes back: the lane is ours, since markers of others are thrown away by the owner
//   rebuilding  second marker out, stored after the former owner let go. It comes back: every blocked key is known
//   waiting     lane entries are handed out; the main queue is consumed, and delivers once its former owner lets go
//   proving     third marker out at its first delivery. It comes back: what the former owner of the main queue still
//               moved to the lane is known too
//   open        main deliveries are handed out
export interface TakeOverEffects {
  /** Puts a marker with this text into the lane, stored. */
  mark(marker: string): void
  consumeMain(): void
  openLane(): void
  openMain(): void
}

export type TakeOverPhase = 'probing' | 'rebuilding' | 'waiting' | 'proving' | 'open'

export class TakeOver {
  readonly #effects: TakeOverEffects
  readonly #owner: string
  #round = 0
  #phase: TakeOverPhase = 'probing'

  /** @param owner unique to this take-over, so that markers of an earlier one are not taken for ours */
  constructor(owner: string, effects: TakeOverEffects) {
    this.#owner = owner
    this.#effects = effects
  }

  get phase(): TakeOverPhase {
    return this.#phase
  }

  /** The lane is being consumed. Call it again while nothing comes back: an owner throws others' markers away. */
  probe(): void {
    if (this.#phase === 'probing') this.#mark()
  }

  /** A marker came from the lane. The caller acknowledges it, whoever's it is. */
  sawMarker(marker: string): void {
    // While probing any of our markers will do; afterwards only the last, which was stored last.
    const ours = this.#phase === 'probing' ? marker.startsWith(`${this.#owner}/`) : marker === this.#marker()
    if (!ours) return
    if (this.#phase === 'probing') {
      this.#phase = 'rebuilding'
      this.#mark()
    } else if (this.#phase === 'rebuilding') {
      this.#phase = 'waiting'
      this.#effects.openLane()
      this.#effects.consumeMain()
    } else if (this.#phase === 'proving') {
      this.#phase = 'open'
      this.#effects.openMain()
    }
  }

  /** The main queue delivers to us. */
  sawMain(): void {
    if (this.#phase !== 'waiting') return
    this.#phase = 'proving'
    this.#mark()
  }

  #mark(): void {
    this.#round++
    this.#effects.mark(this.#marker())
  }

  #marker(): string {
    return `${this.#owner}/${this.#round}`
  }
}
