/** A message of one key on its way through a {@link KeyQueue}. */
export interface GateEntry<D> {
  readonly id: string
  readonly key: string
  /** Its place in the lane; `undefined` while it is in the main queue alone. */
  sequence: number | undefined
  attempt: number
  /** Not to be handed out before: milliseconds since the epoch. */
  due: number
  /** The delivery that stands for it; `undefined` when its copy is stored but has not been delivered yet. */
  delivery: D | undefined
  /** The copy, when it was delivered before it was confirmed. */
  copy: D | undefined
  /**
   * - `waiting`: can be handed out
   * - `handed`: the application has it
   * - `burying`: the application had it, and it is being stored among the dead letters
   * - `copying`: a copy is being stored in the lane
   * - `awaited`: the copy is stored and will be delivered
   */
  state: 'waiting' | 'handed' | 'burying' | 'copying' | 'awaited'
}

/**
 * The messages of one key that the owner knows, in the order in which they are to be handled: those in the lane by
 * sequence, then those in the main queue alone by arrival. Short, nearly always one, so it is searched, not indexed.
 */
export class KeyQueue<D> {
  readonly key: string
  readonly #entries: GateEntry<D>[] = []

  constructor(key: string) {
    this.key = key
  }

  get length(): number {
    return this.#entries.length
  }

  get head(): GateEntry<D> | undefined {
    return this.#entries[0]
  }

  /** At most one is handed out; it need not be the head: a copy that a dead owner sent may arrive before it. */
  get isHandedOut(): boolean {
    return this.#entries.some(({ state }) => state === 'handed' || state === 'burying')
  }

  get isCopying(): boolean {
    return this.#entries.some((entry) => entry.state === 'copying')
  }

  get firstInMain(): GateEntry<D> | undefined {
    return this.#entries.find((entry) => entry.sequence === undefined)
  }

  /**
   * The entry of the lane with this id. Ordinary clients' messages without an id are never taken for each other. Nor is what is
   * being buried taken for anything: it may be a dead letter by now, and have been redriven.
   */
  inLane(id: string): GateEntry<D> | undefined {
    if (id === '') return undefined
    return this.#entries.find((entry) => entry.id === id && entry.sequence !== undefined && entry.state !== 'burying')
  }

  onlyInMain(id: string): GateEntry<D> | undefined {
    return id === '' ? undefined : this.#entries.find((entry) => entry.id === id && entry.sequence === undefined)
  }

  waitingInLane(delivery: D): GateEntry<D> | undefined {
    return this.#entries.find(
      (entry) => entry.delivery === delivery && entry.sequence !== undefined && entry.state === 'waiting',
    )
  }

  atSequence(sequence: number, id: string): GateEntry<D> | undefined {
    return this.#entries.find((entry) => entry.sequence === sequence && entry.id === id)
  }

  append(entry: GateEntry<D>): void {
    this.#entries.push(entry)
  }

  /** Puts an entry of the lane in its place. */
  insert(entry: GateEntry<D>): void {
    const sequence = entry.sequence as number // of the lane
    let at = this.#entries.length
    while (at > 0 && isAfter(this.#entries[at - 1] as GateEntry<D>, sequence)) at-- // below length
    this.#entries.splice(at, 0, entry)
  }

  /** Forgets the entry; returns the delivery that stood for it. */
  drop(entry: GateEntry<D>): D | undefined {
    const at = this.#entries.indexOf(entry)
    if (at >= 0) this.#entries.splice(at, 1)
    return entry.delivery
  }
}

function isAfter(entry: GateEntry<unknown>, sequence: number): boolean {
  return entry.sequence === undefined || entry.sequence > sequence
}
