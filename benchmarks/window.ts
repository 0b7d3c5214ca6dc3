/** Lets at most `size` things be under way, and counts what has ended: publishers wait for the handlers. */
export class Window {
  readonly #size: number
  readonly #total: number
  #begun = 0
  #ended = 0
  #waiting: (() => void)[] = []
  #finished: () => void = () => {}
  readonly done: Promise<void> = new Promise((resolve) => (this.#finished = resolve))

  constructor(size: number, total: number) {
    this.#size = size
    this.#total = total
  }

  /** Takes a place; false when all have been taken. */
  async begin(): Promise<boolean> {
    while (this.#begun - this.#ended >= this.#size) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#begun++ < this.#total
  }

  end(count: number): void {
    this.#ended += count
    for (const wake of this.#waiting.splice(0, count)) wake()
    if (this.#ended >= this.#total) this.#finished()
  }
}
