// Which offset of a partition may be committed: the one before which everything is settled. What is settled behind it goes
// into the commit's metadata, so that who takes the partition over does not do it again.
//
//   metadata   ranges of settled offsets, relative to the committed one, in base 36: `1-4,a` is 1 to 4, and 10
/** The broker takes 4,096 (`offset.metadata.max.bytes`); what does not fit is done again after a take-over. */
const MAX_METADATA = 3_500

interface Entry {
  readonly offset: bigint
  done: boolean
}

export class ContiguousOffsets {
  readonly #entries = new Map<bigint, Entry>()
  readonly #doneBefore: (offset: bigint) => boolean
  #position: bigint
  #end: bigint
  #doneBeyond = 0

  /** @param metadata of the commit that is taken over */
  constructor(position: bigint, metadata: string) {
    this.#position = position
    this.#end = position
    this.#doneBefore = parse(metadata, position)
  }

  /** To be committed: the first offset that is not settled. */
  get position(): bigint {
    return this.#position
  }

  /** Settled offsets that cannot be committed yet. */
  get doneBeyond(): number {
    return this.#doneBeyond
  }

  /** Arrived and not settled. */
  get open(): number {
    return this.#entries.size - this.#doneBeyond
  }

  /** The oldest that is not settled. */
  get first(): bigint | undefined {
    return this.#entries.keys().next().value
  }

  /**
   * The next record of the partition. Offsets between the last one and this hold none.
   *
   * @returns whether it is still to be done
   */
  arrived(offset: bigint): boolean {
    this.#end = offset + 1n
    const done = this.#doneBefore(offset)
    this.#entries.set(offset, { offset, done })
    if (done) this.#doneBeyond++
    this.#advance()
    return !done
  }

  /** Whether a former owner of the partition has settled it. */
  wasDone(offset: bigint): boolean {
    return offset < this.#position || this.#doneBefore(offset)
  }

  done(offset: bigint): void {
    const entry = this.#entries.get(offset)
    if (entry === undefined || entry.done) return
    entry.done = true
    this.#doneBeyond++
    this.#advance()
  }

  get metadata(): string {
    const ranges: string[] = []
    let length = 0
    let first: bigint | undefined
    let last = -1n
    const close = (): boolean => {
      if (first === undefined) return true
      const text =
        first === last
          ? relative(first, this.#position)
          : `${relative(first, this.#position)}-${relative(last, this.#position)}`
      length += text.length + 1
      if (length > MAX_METADATA) return false
      ranges.push(text)
      first = undefined
      return true
    }
    for (const { offset, done } of this.#entries.values()) {
      if (done && first !== undefined && offset === last + 1n) last = offset
      else {
        if (!close()) return ranges.join(',')
        if (done) first = last = offset
      }
    }
    close()
    return ranges.join(',')
  }

  #advance(): void {
    for (const [offset, entry] of this.#entries) {
      if (!entry.done) {
        this.#position = offset
        return
      }
      this.#entries.delete(offset)
      this.#doneBeyond--
    }
    this.#position = this.#end
  }
}

function relative(offset: bigint, position: bigint): string {
  return Number(offset - position).toString(36)
}

function parse(metadata: string, position: bigint): (offset: bigint) => boolean {
  if (!/^[\da-z,-]+$/.test(metadata)) return () => false
  const ranges = metadata.split(',').map((text) => {
    const [first = 0, last = first] = text.split('-').map((each) => Number.parseInt(each, 36))
    return { first, last }
  })
  return (offset) => {
    const at = Number(offset - position)
    return ranges.some(({ first, last }) => at >= first && at <= last)
  }
}
