/** The numbers by which the log knows queues, of all virtual hosts together; none is given twice. */
export class QueueNumbers {
  #last = 0

  next(): number {
    return ++this.#last
  }

  /** The log has this one from before. */
  taken(number: number): void {
    this.#last = Math.max(this.#last, number)
  }
}
