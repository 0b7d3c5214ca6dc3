/** Sends basic.ack. */
export type SendAck = (tag: number, multiple: boolean) => void

/**
 * The unsettled deliveries of one channel: at most its prefetch. Acknowledgements are gathered and sent on `flush`: those
 * that no unsettled delivery precedes as one, with `multiple`, the others one by one.
 */
export class Acknowledgements {
  // A Set iterates in the order of insertion, which is that of the tags.
  readonly #unsettled = new Set<number>()
  /** Settled here and not sent yet; no more than were unsettled. */
  #gathered: number[] = []
  readonly #send: SendAck

  constructor(send: SendAck) {
    this.#send = send
  }

  get unsettled(): number {
    return this.#unsettled.size
  }

  /** @param tag above all before it */
  delivered(tag: number): void {
    this.#unsettled.add(tag)
  }

  /** Gathers an acknowledgement; `false` for a tag that is unknown or settled. */
  ack(tag: number): boolean {
    if (!this.#unsettled.delete(tag)) return false
    this.#gathered.push(tag)
    return true
  }

  /** Takes a delivery out, to be settled otherwise; `false` for a tag that is unknown or settled. */
  take(tag: number): boolean {
    return this.#unsettled.delete(tag)
  }

  flush(): void {
    const gathered = this.#gathered
    if (gathered.length === 0) return
    this.#gathered = []
    const [lowestUnsettled = Infinity] = this.#unsettled
    // The broker refuses a cumulative acknowledgement of a tag that is settled already, so it names the highest of these.
    let cumulative = 0
    let covered = 0
    for (const tag of gathered) {
      if (tag > lowestUnsettled) continue
      covered++
      if (tag > cumulative) cumulative = tag
    }
    if (covered > 0) this.#send(cumulative, covered > 1)
    if (covered === gathered.length) return
    for (const tag of gathered) if (tag > lowestUnsettled) this.#send(tag, false)
  }
}
