// The external ledger: it knows what was sent and what was seen, and asks nobody else. Ids are whatever the user of the
// ledger calls a message.

export interface Verdict {
  /** Confirmed, and neither handled nor dead-lettered. */
  readonly lost: readonly string[]
  /** Not confirmed and not seen: allowed, and listed apart. */
  readonly unknownUnseen: readonly string[]
  /** Handled more than once, with the number of times. */
  readonly duplicates: ReadonlyMap<string, number>
  /** Handled or dead-lettered, and never sent: somebody mangled an id or a channel leaked. */
  readonly strangers: readonly string[]
  /** `<key>: <id> after <id>`, where first handlings did not follow the order of sending. */
  readonly disorder: readonly string[]
}

export class Ledger {
  readonly #confirmed = new Set<string>()
  readonly #unknown = new Set<string>()
  readonly #refused = new Set<string>()
  readonly #handled = new Map<string, number>()
  readonly #deadLettered = new Set<string>()
  readonly #place = new Map<string, { readonly key: string; readonly place: number }>()
  readonly #lastOfKey = new Map<string, { readonly id: string; readonly place: number }>()
  readonly #sentOfKey = new Map<string, number>()
  readonly #disorder: string[] = []

  /** To be called in the order of sending, before or when it is sent; only ids with a key are judged for order. */
  sending(id: string, key: string): void {
    const place = (this.#sentOfKey.get(key) ?? 0) + 1
    this.#sentOfKey.set(key, place)
    this.#place.set(id, { key, place })
  }

  sent(id: string, outcome: 'accepted' | 'refused' | 'unknown'): void {
    if (outcome === 'accepted') this.#confirmed.add(id)
    else if (outcome === 'unknown') this.#unknown.add(id)
    else this.#refused.add(id)
  }

  /** A handler has succeeded. */
  handled(id: string): void {
    const times = this.#handled.get(id) ?? 0
    this.#handled.set(id, times + 1)
    if (times === 0) this.#judgeOrder(id)
  }

  deadLettered(id: string): void {
    this.#deadLettered.add(id)
  }

  get confirmed(): number {
    return this.#confirmed.size
  }

  /** Confirmed ids that have not been seen yet. */
  get missing(): number {
    let seen = 0
    for (const id of this.#confirmed) if (this.#isSeen(id)) seen++
    return this.#confirmed.size - seen
  }

  verdict(): Verdict {
    const sent = (id: string): boolean => this.#confirmed.has(id) || this.#unknown.has(id)
    return {
      lost: [...this.#confirmed].filter((id) => !this.#isSeen(id)),
      unknownUnseen: [...this.#unknown].filter((id) => !this.#isSeen(id)),
      duplicates: new Map([...this.#handled].filter(([, times]) => times > 1)),
      strangers: [...this.#handled.keys(), ...this.#deadLettered].filter((id) => !sent(id)),
      disorder: this.#disorder,
    }
  }

  #isSeen(id: string): boolean {
    return this.#handled.has(id) || this.#deadLettered.has(id)
  }

  // Only first handlings count: a redelivery may repeat a suffix.
  #judgeOrder(id: string): void {
    const entry = this.#place.get(id)
    if (entry === undefined) return
    const last = this.#lastOfKey.get(entry.key)
    if (last !== undefined && last.place > entry.place) this.#disorder.push(`${entry.key}: ${id} after ${last.id}`)
    else this.#lastOfKey.set(entry.key, { id, place: entry.place })
  }
}
