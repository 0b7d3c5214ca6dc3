// What happened, as seen from outside the broker: one line each, in the order in which it happened.
//
//   o <ready>        the broker is open, with so many messages in the queue
//   s <key> <n>      message n of its key is about to be sent
//   c <key> <n>      it has been confirmed
//   d <key> <n> <deliveries before>      it has been delivered, whole
//   a <key> <n>      it is about to be acknowledged
//   x <text>         something that must not happen, noticed by the worker

/** Judges the lines of one life of the broker after the other. */
export class Ledger {
  readonly violations: string[] = []
  lives = 0
  /** Lives that lasted long enough for every message found at the start to be delivered. */
  complete = 0
  sent = 0
  confirmed = 0
  delivered = 0
  redelivered = 0
  /** Confirmed, and not known to be acknowledged: they must be there. */
  readonly #owed = new Set<string>()
  readonly #sent = new Set<string>()
  readonly #everDelivered = new Set<string>()
  /** Acknowledged, and known to be on the disk: they must not come back. */
  readonly #settled = new Set<string>()

  get unsettled(): number {
    return this.#owed.size
  }

  /**
   * One life, from its first line until it was killed.
   *
   * An acknowledgement is not confirmed, and the broker writes those of one turn together. But the log is in order: what
   * was acknowledged before a message was sent has been handed to the log when that one is confirmed, and is on the disk
   * when another one, sent after that, is confirmed in turn.
   */
  judge(lines: readonly string[]): void {
    this.lives++
    const acked: string[] = []
    const ackedHere = new Set<string>()
    const ackedWhenSent = new Map<string, { readonly acked: number; readonly handed: number }>()
    let [handed, durable] = [0, 0]
    let ready: number | undefined
    const seen = new Set<string>()
    const owedAtStart = new Set(this.#owed)
    const lastOfKey = new Map<string, number>()
    for (const line of lines) {
      const [what = '', key = '', n = '', count = ''] = line.split(' ')
      const id = `${key} ${n}`
      if (what === 'o') ready = Number(key)
      else if (what === 's') {
        this.sent++
        this.#sent.add(id)
        ackedWhenSent.set(id, { acked: acked.length, handed })
      } else if (what === 'c') {
        this.confirmed++
        if (!ackedHere.has(id)) this.#owed.add(id)
        const then = ackedWhenSent.get(id)
        handed = Math.max(handed, then?.acked ?? 0)
        for (; durable < (then?.handed ?? 0); durable++) this.#settled.add(acked[durable] ?? '')
      } else if (what === 'a') {
        acked.push(id)
        ackedHere.add(id)
        this.#owed.delete(id)
      } else if (what === 'd') {
        this.delivered++
        if (!this.#sent.has(id)) this.#violation(`${id} was delivered, but never sent`)
        if (seen.has(id)) this.#violation(`${id} was delivered twice to one consumer`)
        if (this.#settled.has(id)) this.#violation(`${id} came back after it had been settled`)
        if (Number(n) <= (lastOfKey.get(key) ?? -1)) this.#violation(`${id} was delivered after a later one of its key`)
        lastOfKey.set(key, Number(n))
        if (this.#everDelivered.has(id)) {
          this.redelivered++
          if (Number(count) < 1) this.#violation(`${id} was redelivered without being marked so`)
        }
        seen.add(id)
      } else if (what === 'x') this.#violation(line.slice(2))
    }
    for (const id of seen) this.#everDelivered.add(id)
    if (ready === undefined || seen.size < ready) return
    this.complete++
    for (const id of owedAtStart) if (!seen.has(id)) this.#violation(`${id} was confirmed and is gone`)
  }

  #violation(what: string): void {
    this.violations.push(`life ${this.lives}: ${what}`)
  }
}
