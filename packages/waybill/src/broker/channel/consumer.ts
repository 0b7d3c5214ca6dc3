import type { Message } from '../message.ts'
import type { Queue } from '../queue/queue.ts'
import type { QueueConsumer } from '../queue/queue-consumer.ts'
import type { Receiver } from './receiver.ts'

/** The channel, as its consumers see it. */
export interface ConsumerChannel {
  /** How many more deliveries it allows all of its consumers together. */
  readonly credit: number
  /** Notes a delivery and returns its tag. */
  handOut(queue: Queue, position: number, consumer: Consumer): number
  forgetConsumer(consumer: Consumer): void
}

/** One consumer of one queue on one channel. */
export class Consumer implements QueueConsumer {
  readonly tag: string
  readonly queue: Queue
  readonly noAck: boolean
  readonly #channel: ConsumerChannel
  readonly #receiver: Receiver
  #prefetch: number
  #unsettled = 0

  constructor(
    channel: ConsumerChannel,
    tag: string,
    queue: Queue,
    noAck: boolean,
    prefetch: number,
    receiver: Receiver,
  ) {
    this.#channel = channel
    this.tag = tag
    this.queue = queue
    this.noAck = noAck
    this.#prefetch = prefetch
    this.#receiver = receiver
  }

  get credit(): number {
    if (this.noAck) return Infinity
    return this.#prefetch === 0
      ? this.#channel.credit
      : Math.min(this.#prefetch - this.#unsettled, this.#channel.credit)
  }

  /** Most unsettled messages from now on; 0 is unlimited. */
  set prefetch(count: number) {
    this.#prefetch = count
    this.queue.wake()
  }

  offer(position: number, message: Message, deliveryCount: number): void {
    if (!this.noAck) this.#unsettled++
    this.#receiver.receive(this.#channel.handOut(this.queue, position, this), message, deliveryCount)
  }

  flush(): void {
    this.#receiver.flush()
  }

  cancelled(error: Error): void {
    this.#channel.forgetConsumer(this)
    this.#receiver.cancelled(error)
  }

  /** One of its messages was settled or returned. */
  release(): void {
    this.#unsettled--
    this.queue.wake()
  }
}
