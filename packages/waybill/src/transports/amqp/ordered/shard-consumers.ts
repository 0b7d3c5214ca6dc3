import { standingOf } from '../attachment.ts'
import type { AmqpConsumer, AmqpDelivery } from '../engine.ts'
import type { SubscriptionContext } from '../subscription-context.ts'
import type { ShardItem } from './shard-item.ts'

type From = ShardItem['from']

export interface ShardConsumersEvents {
  deliver(batch: readonly AmqpDelivery[], from: From): void
  failed(error: Error): void
}

/** The consumers of one shard's two queues. Acknowledgements of one turn are one call for each. */
export class ShardConsumers {
  readonly #context: SubscriptionContext
  readonly #queues: Readonly<Record<From, string>>
  readonly #events: ShardConsumersEvents
  readonly #open = new Map<From, AmqpConsumer>()
  readonly #acks: Record<From, number[]> = { main: [], lane: [] }
  #flushing = false
  #ended = false

  constructor(queues: Readonly<Record<From, string>>, context: SubscriptionContext, events: ShardConsumersEvents) {
    this.#queues = queues
    this.#context = context
    this.#events = events
  }

  has(from: From): boolean {
    return this.#open.has(from)
  }

  /** Resolves when it stands in line, or has failed and said so. */
  async consume(from: From, prefetch: number): Promise<void> {
    try {
      const consumer = await this.#context.engine.consume(
        { queue: this.#queues[from], prefetch },
        {
          deliver: (batch) => this.#events.deliver(batch, from),
          cancelled: (error) => this.#events.failed(error),
        },
      )
      if (this.#ended) return await consumer.close()
      this.#open.set(from, consumer)
      this.flush()
    } catch (error) {
      this.#events.failed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  ack(item: ShardItem): void {
    this.#acks[item.from].push(item.amqp.tag)
    if (this.#flushing) return
    this.#flushing = true
    this.#context.runtime.defer(() => {
      this.#flushing = false
      this.flush()
    })
  }

  flush(): void {
    for (const [from, consumer] of this.#open) {
      const tags = this.#acks[from]
      if (tags.length === 0) continue
      this.#acks[from] = []
      consumer.ack(tags)
    }
  }

  /** Whether the broker counts them. Rejects while the link is down. */
  async areCounted(): Promise<boolean> {
    const standings = await Promise.all([...this.#open.values()].map((consumer) => consumer.inspect()))
    return standings.every(({ attached }) => attached)
  }

  /** The queue whose consumer the broker has lost. */
  async lost(): Promise<string | undefined> {
    for (const [from, consumer] of this.#open) {
      const { attached } = await standingOf(consumer, this.#context.runtime)
      if (!attached && this.#open.get(from) === consumer) return this.#queues[from]
    }
    return undefined
  }

  /** @returns what is to be closed, in this order, unless it is gone with the link */
  end(): readonly AmqpConsumer[] {
    const left = [this.#open.get('main'), this.#open.get('lane')].filter((each) => each !== undefined)
    this.#ended = true
    this.#open.clear()
    return left
  }
}
