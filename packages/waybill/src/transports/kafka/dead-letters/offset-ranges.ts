/** A set of offsets that takes the space of its ranges: letters die, and are removed, in rows. */
export class OffsetRanges {
  /** Ascending; each range ends before the next begins. */
  #starts: number[] = []
  /** The first offset behind each. */
  #ends: number[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): number | undefined {
    return this.#starts[0]
  }

  has(offset: number): boolean {
    return this.#at(offset) !== undefined
  }

  /** One that is larger than all there are: a log is read in its order. */
  append(offset: number): void {
    const last = this.#ends.length - 1
    if ((this.#ends[last] ?? -1) > offset) throw new RangeError(`offset ${offset} lies behind ${this.#ends[last]}`)
    if (this.#ends[last] === offset) this.#ends[last] = offset + 1
    else {
      this.#starts.push(offset)
      this.#ends.push(offset + 1)
    }
    this.#size++
  }

  delete(offset: number): void {
    const n = this.#at(offset)
    if (n === undefined) return
    const [start, end] = [this.#starts[n] as number, this.#ends[n] as number] // found
    const rest = [
      [start, offset],
      [offset + 1, end],
    ].filter(([from = 0, to = 0]) => from < to)
    this.#starts.splice(n, 1, ...rest.map(([from]) => from as number))
    this.#ends.splice(n, 1, ...rest.map(([, to]) => to as number))
    this.#size--
  }

  deleteBefore(offset: number): void {
    while (this.#starts.length > 0 && (this.#starts[0] as number) < offset) {
      const [start, end] = [this.#starts[0] as number, this.#ends[0] as number] // there is one
      this.#size -= Math.min(end, offset) - start
      if (end > offset) {
        this.#starts[0] = offset
        return
      }
      this.#starts.shift()
      this.#ends.shift()
    }
  }

  /** Up to `most` of them, ascending, from `from` to `to`. */
  between(from: number, to: number, most: number): readonly number[] {
    const found: number[] = []
    for (let n = this.#firstEndingBehind(from); n < this.#starts.length; n++)
      for (let offset = Math.max(from, this.#starts[n] as number); offset < (this.#ends[n] as number); offset++) {
        if (offset > to || found.length === most) return found
        found.push(offset)
      }
    return found
  }

  /** The range that holds it. */
  #at(offset: number): number | undefined {
    const n = this.#firstEndingBehind(offset)
    return n < this.#starts.length && (this.#starts[n] as number) <= offset ? n : undefined
  }

  #firstEndingBehind(offset: number): number {
    let low = 0
    let high = this.#ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ends[middle] as number) > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
