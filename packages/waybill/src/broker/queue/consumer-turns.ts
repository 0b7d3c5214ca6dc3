import type { QueueConsumer } from './queue-consumer.ts'

/** Whose turn it is: round robin among those with credit, or, with a single active consumer, the one registered first. */
export class ConsumerTurns {
  readonly #singleActive: boolean
  readonly #consumers: QueueConsumer[] = []
  #turn = 0

  constructor(singleActive: boolean) {
    this.#singleActive = singleActive
  }

  get count(): number {
    return this.#consumers.length
  }

  all(): readonly QueueConsumer[] {
    return [...this.#consumers]
  }

  add(consumer: QueueConsumer): void {
    this.#consumers.push(consumer)
  }

  /** `false` when it is not here. */
  remove(consumer: QueueConsumer): boolean {
    const at = this.#consumers.indexOf(consumer)
    if (at === -1) return false
    this.#consumers.splice(at, 1)
    if (at < this.#turn) this.#turn--
    return true
  }

  /** Whether anybody can take a message now. */
  get anyCredit(): boolean {
    return this.#singleActive
      ? this.#consumers[0]?.hasCredit === true
      : this.#consumers.some((consumer) => consumer.hasCredit)
  }

  /** The next consumer that can take a message. */
  next(): QueueConsumer | undefined {
    const consumers = this.#consumers
    if (this.#singleActive) return consumers[0]?.hasCredit === true ? consumers[0] : undefined
    for (let tried = 0; tried < consumers.length; tried++) {
      if (this.#turn >= consumers.length) this.#turn = 0
      const consumer = consumers[this.#turn++]
      if (consumer?.hasCredit === true) return consumer
    }
    return undefined
  }
}
