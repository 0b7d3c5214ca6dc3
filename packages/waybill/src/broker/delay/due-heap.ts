/** What waits for an instant: a binary heap over numbers, 24 bytes each, ordered by instant, then by order of arrival. */
export class DueHeap {
  #due = new Float64Array(64)
  #order = new Float64Array(64)
  #item = new Float64Array(64)
  #size = 0
  #arrived = 0

  get size(): number {
    return this.#size
  }

  /** The earliest instant; Infinity when nothing waits. */
  get next(): number {
    return this.#size === 0 ? Infinity : (this.#due[0] as number) // size > 0
  }

  push(due: number, item: number): void {
    if (this.#size === this.#due.length) this.#grow()
    let at = this.#size++
    this.#write(at, due, this.#arrived++, item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes the item of the earliest instant. Only when something waits. */
  pop(): number {
    const item = this.#item[0] as number // callers ask `next` first
    const last = --this.#size
    this.#swap(0, last)
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.#size) return item
      const child = left + 1 < this.#size && this.#before(left + 1, left) ? left + 1 : left
      if (!this.#before(child, at)) return item
      this.#swap(child, at)
      at = child
    }
  }

  #before(a: number, b: number): boolean {
    // Both are below the size, so they are numbers.
    const [dueA, dueB] = [this.#due[a] as number, this.#due[b] as number]
    return dueA < dueB || (dueA === dueB && (this.#order[a] as number) < (this.#order[b] as number))
  }

  #swap(a: number, b: number): void {
    const [due, order, item] = [this.#due[a] as number, this.#order[a] as number, this.#item[a] as number] // below the size
    this.#write(a, this.#due[b] as number, this.#order[b] as number, this.#item[b] as number)
    this.#write(b, due, order, item)
  }

  #write(at: number, due: number, order: number, item: number): void {
    this.#due[at] = due
    this.#order[at] = order
    this.#item[at] = item
  }

  #grow(): void {
    this.#due = larger(this.#due)
    this.#order = larger(this.#order)
    this.#item = larger(this.#item)
  }
}

function larger(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(numbers.length * 2)
  copy.set(numbers)
  return copy
}
