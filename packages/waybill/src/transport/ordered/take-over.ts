// How a member becomes the owner of a shard without a moment in which order could break, and with a fencing token larger
// than that of every owner before it. No input or output of its own.
//
// The engine gives each queue to one consumer at a time, but main queue and lane are two queues, and what the former
// owner put into the lane may still be behind what we read first. A marker, a message of ours put into the lane, proves
// by coming back that the lane is ours, and that everything stored in it before has been seen:
//
//   probing     first marker out. It comes back: the lane is ours, since markers of others are thrown away by the owner
//   claiming    token out, stored after the former owner let go. It comes back: every blocked key is known, and so is
//               every token that was ever used; ours is the largest
//   waiting     lane entries are handed out; the main queue is consumed, and delivers once its former owner lets go
//   proving     second marker out at its first delivery. It comes back: what the former owner of the main queue still
//               moved to the lane is known too
//   open        main deliveries are handed out
//
// The token is a message that stays in the lane, unacknowledged while its owner lives, and so delivered to the next one.
// It is used once it was delivered to its owner, for the first time ever, with no token as large before it. Why no two
// owners use the same, and later ones use larger:
//   - A token in use is in the lane, delivered; it is acknowledged by an owner alone that uses a larger one, or by its own
//     that has put the same there again. So at any time the lane has a token as large as every one ever used.
//   - Let ours be delivered for the first time, at an instant of the queue. Tokens before it in the queue have been
//     delivered to us: what the former owner held returned to its place when we became the active consumer. Those behind
//     it have been delivered to nobody, or ours would have been, too: so they are not in use. Ours is larger than all in
//     use; and whoever uses one later, was delivered ours first, or one that is larger.
//   - That holds for a consumer, too, that the engine puts aside and makes active again, without telling it. An owner
//     which sees a larger token than the one it uses was put aside: it is the owner no more.
// A lane without a token, new or purged, begins with the time of day: above what was used before, as far as clocks agree.
export interface LaneToken {
  readonly marker: string
  readonly value: number
}

/** @typeParam D a delivery of the lane */
export interface TakeOverEffects<D> {
  /** Puts a marker with this text into the lane, stored. */
  mark(marker: string): void
  /** Puts a token into the lane, stored. */
  claim(token: LaneToken): void
  /** The token delivered so is needed no more: acknowledge it. */
  release(delivery: D): void
  consumeMain(): void
  openLane(): void
  openMain(): void
  /** Another member has become the owner since: let go at once. */
  superseded(): void
  /** Milliseconds since the epoch. */
  now(): number
}

export type TakeOverPhase = 'probing' | 'claiming' | 'waiting' | 'proving' | 'open'

export class TakeOver<D> {
  readonly #effects: TakeOverEffects<D>
  readonly #owner: string
  #round = 0
  #phase: TakeOverPhase = 'probing'
  /** What we would use, or use. */
  #token: number | undefined
  /** The largest token of others. */
  #largest = 0
  /** Tokens delivered and not acknowledged; once we use one, that alone. */
  #held: D[] = []

  /** @param owner unique to this take-over, so that markers of an earlier one are not taken for ours */
  constructor(owner: string, effects: TakeOverEffects<D>) {
    this.#owner = owner
    this.#effects = effects
  }

  get phase(): TakeOverPhase {
    return this.#phase
  }

  /** The fencing token; 0 before the shard is ours. */
  get token(): number {
    return this.#phase === 'probing' || this.#phase === 'claiming' ? 0 : (this.#token ?? 0)
  }

  /** The lane is being consumed. Call it again while nothing comes back: an owner throws others' markers away. */
  probe(): void {
    if (this.#phase === 'probing') this.#mark()
    else if (this.#phase === 'claiming') this.#claim()
  }

  /** Puts the token into the lane once more, in the place of the one held: an engine may limit how long one is held. */
  renew(): void {
    if (this.token > 0) this.#claim()
  }

  /** A marker came from the lane. The caller acknowledges it, whoever's it is. */
  sawMarker(marker: string): void {
    // While probing any of our markers will do; afterwards only the last, which was stored last.
    if (this.#phase === 'probing' && this.#isOurs(marker)) {
      this.#phase = 'claiming'
      this.#claim()
    } else if (this.#phase === 'proving' && marker === this.#marker()) {
      this.#phase = 'open'
      this.#effects.openMain()
    }
  }

  /** A token came from the lane. It stays unacknowledged until it is released. */
  sawToken(token: LaneToken, redelivered: boolean, delivery: D): void {
    const isOurs = this.#isOurs(token.marker)
    if (this.token > 0) return this.#sawAnother(token, isOurs, delivery)
    this.#held.push(delivery)
    if (!isOurs) this.#largest = Math.max(this.#largest, token.value)
    else if (this.#phase === 'claiming') {
      if (redelivered || token.value <= this.#largest) return this.#claim()
      this.#token = token.value
      this.#phase = 'waiting'
      this.#hold(delivery)
      this.#effects.openLane()
      this.#effects.consumeMain()
    }
  }

  /** The main queue delivers to us. */
  sawMain(): void {
    if (this.#phase !== 'waiting') return
    this.#phase = 'proving'
    this.#mark()
  }

  #sawAnother({ value }: LaneToken, isOurs: boolean, delivery: D): void {
    if (isOurs && value >= this.token) return this.#hold(delivery)
    if (value <= this.token) return this.#effects.release(delivery)
    this.#held.push(delivery)
    this.#effects.superseded()
  }

  /** Keeps this token in the place of those held so far. */
  #hold(delivery: D): void {
    const before = this.#held
    this.#held = [delivery]
    for (const each of before) if (each !== delivery) this.#effects.release(each)
  }

  #claim(): void {
    this.#token = Math.max(this.#token ?? this.#effects.now(), this.#largest + 1)
    this.#round++
    this.#effects.claim({ marker: this.#marker(), value: this.#token })
  }

  #mark(): void {
    this.#round++
    this.#effects.mark(this.#marker())
  }

  #isOurs(marker: string): boolean {
    return marker.startsWith(`${this.#owner}/`)
  }

  #marker(): string {
    return `${this.#owner}/${this.#round}`
  }
}
