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

  /** How many messages can be taken now, by all together. */
  get credit(): number {
    if (this.#singleActive) return this.#consumers[0]?.credit ?? 0
    return this.#consumers.reduce((sum, consumer) => sum + consumer.credit, 0)
  }

  /** The next consumer that can take a message. */
  next(): QueueConsumer | undefined {
    const consumers = this.#consumers
    if (this.#singleActive) return hasCredit(consumers[0]) ? consumers[0] : undefined
    for (let tried = 0; tried < consumers.length; tried++) {
      if (this.#turn >= consumers.length) this.#turn = 0
      const consumer = consumers[this.#turn++]
      if (hasCredit(consumer)) return consumer
    }
    return undefined
  }
}

function hasCredit(consumer: QueueConsumer | undefined): consumer is QueueConsumer {
  return consumer !== undefined && consumer.credit > 0
}
