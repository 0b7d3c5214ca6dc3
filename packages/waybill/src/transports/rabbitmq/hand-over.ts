import type { ConsumeMessage } from 'amqplib'
import type { AmqpDelivery } from '../amqp/engine.ts'
import { toDelivery } from './incoming.ts'

/**
 * Gathers what one read of the socket brings, and hands it over as one batch, as far as there is room. The rest is held
 * back: never more than the broker's prefetch lets it send.
 */
export class HandOver {
  readonly #room: () => number
  readonly #deliver: (batch: readonly AmqpDelivery[]) => void
  #arrived: ConsumeMessage[] = []
  #isDue = false

  /** @param room how many more may be handed over now */
  constructor(room: () => number, deliver: (batch: readonly AmqpDelivery[]) => void) {
    this.#room = room
    this.#deliver = deliver
  }

  add(message: ConsumeMessage): void {
    this.#arrived.push(message)
    this.#schedule()
  }

  /** There may be room again. */
  resume(): void {
    if (this.#arrived.length > 0) this.#schedule()
  }

  clear(): void {
    this.#arrived = []
  }

  #schedule(): void {
    if (this.#isDue) return
    this.#isDue = true
    // amqplib decodes all frames of a read in one go; a microtask comes right after the last.
    queueMicrotask(() => {
      this.#isDue = false
      this.#handOver()
    })
  }

  #handOver(): void {
    const count = Math.min(this.#room(), this.#arrived.length)
    if (count <= 0) return
    const arrived = this.#arrived
    this.#arrived = count === arrived.length ? [] : arrived.slice(count)
    arrived.length = count
    this.#deliver(arrived.map(toDelivery))
  }
}
