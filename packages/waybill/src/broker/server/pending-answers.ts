/** Answers of a connection that wait, for the disk for instance, and what is to be said behind them. */
export class PendingAnswers {
  #count = 0
  /** At most once for each consumer. */
  readonly #after: (() => void)[] = []

  /** @param resume takes up frames again @returns to be called when the answer has been written */
  wait(resume: () => void): () => void {
    this.#count++
    return () => {
      this.#count--
      resume()
    }
  }

  /** Calls `write` once no answer is pending. */
  after(write: () => void): void {
    this.#after.push(write)
  }

  /** Writes what was to come after the answers, unless some are pending. */
  flush(): void {
    if (this.#count === 0 && this.#after.length > 0) for (const write of this.#after.splice(0)) write()
  }

  /** What was to come after them comes no more. */
  forget(): void {
    this.#after.length = 0
  }
}
