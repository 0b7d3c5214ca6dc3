import type { Wire } from './wire.ts'

/** The word by which a delivery goes back to the server, to be handed out again at once. */
export const RETURN = '-NAK'

/** The server says so at once, if its consumer is there. */
const RETURNED_WITHIN_MS = 2_000

/** Deliveries of an earlier life, to be returned when there is a link, so that nobody has to wait for the server to miss us. */
export class Returns {
  #replies: string[] = []

  add(reply: string): void {
    this.#replies.push(reply)
  }

  /** Resolves when the server has them: what is asked for afterwards does not come before them. */
  async returnAll({ connection }: Wire): Promise<void> {
    const replies = this.#replies
    this.#replies = []
    const returned = replies.map((reply) => connection.request(reply, RETURN, { timeout: RETURNED_WITHIN_MS }))
    // What is not answered returns after `ack_wait`.
    await Promise.allSettled(returned)
  }
}
