import type { Channel } from '../../broker/channel/channel.ts'
import type { Consumer } from '../../broker/channel/consumer.ts'
import type { Receiver } from '../../broker/channel/receiver.ts'
import type { Connection } from '../../broker/connection.ts'
import type { Message } from '../../broker/message.ts'
import type { AmqpConsumer, AmqpDelivery, ConsumerEvents, ConsumerStanding, ConsumeSpec } from '../amqp/engine.ts'
import { toWireMessage } from './engine-message.ts'

/** One consumer on a channel of its own; deliveries go on in the bursts in which the broker hands them out. */
export class EngineConsumer implements AmqpConsumer, Receiver {
  readonly #channel: Channel
  readonly #consumer: Consumer
  readonly #events: ConsumerEvents
  #burst: AmqpDelivery[] = []
  #closed = false

  /** @throws {ReplyError} when the queue is missing or another connection's own */
  constructor(connection: Connection, { queue, prefetch, noAck = false }: ConsumeSpec, events: ConsumerEvents) {
    this.#events = events
    this.#channel = connection.openChannel()
    this.#consumer = this.#channel.consume(queue, { tag: queue, prefetch, noAck }, this)
  }

  receive(tag: number, message: Message, deliveryCount: number): void {
    this.#burst.push({
      message: toWireMessage(message),
      tag,
      redelivered: deliveryCount > 1,
      deliveryCount,
      routingKey: message.routingKey,
    })
  }

  flush(): void {
    const burst = this.#burst
    this.#burst = []
    if (!this.#closed) this.#events.deliver(burst)
  }

  cancelled(error: Error): void {
    this.#channel.close()
    this.#events.cancelled(error)
  }

  ack(tags: readonly number[]): void {
    for (const tag of tags) this.#channel.ack(tag)
  }

  requeue(tags: readonly number[]): void {
    for (const tag of tags) this.#channel.requeue(tag)
  }

  prefetch(count: number): void {
    this.#consumer.prefetch = count
  }

  inspect(): Promise<ConsumerStanding> {
    // The channel has this one consumer, and forgets it with the queue.
    return Promise.resolve({ attached: this.#channel.consumerCount === 1, ready: this.#consumer.queue.ready })
  }

  close(): Promise<void> {
    this.#closed = true
    this.#channel.close()
    return Promise.resolve()
  }
}
