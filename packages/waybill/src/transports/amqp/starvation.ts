/** A big message on a slow link takes its time: each time that nothing was wrong, more of it is given. */
const FEWEST = 2
const MOST = 128

/**
 * Tells a consumer that the broker has lost from one that has nothing to do: messages wait, it has room, and question
 * after question nothing has come. What counts alone cannot tell where several members share a queue.
 */
export class Starvation {
  #received = -1
  #questions = 0
  #patience = FEWEST

  /**
   * What one question found.
   *
   * @param received how many deliveries have come so far
   * @param mayReceive messages are ready, and there is room here
   * @returns whether the consumer is to be given up
   */
  note(received: number, mayReceive: boolean): boolean {
    if (received !== this.#received) this.#patience = FEWEST
    const goesOn = mayReceive && received === this.#received
    this.#received = received
    this.#questions = goesOn ? this.#questions + 1 : 0
    if (this.#questions < this.#patience) return false
    this.#questions = 0
    this.#patience = Math.min(MOST, 2 * this.#patience)
    return true
  }
}
