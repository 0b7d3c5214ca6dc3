import type { MessageCounters } from '../message-counters.ts'
import type { Message } from '../message.ts'
import type { Queue } from '../queue/queue.ts'
import type { QueueConsumer } from '../queue/queue-consumer.ts'
import { EMPTY_TABLE, type FieldTable } from '../wire/field-table.ts'
import type { Receiver } from './receiver.ts'

export interface ConsumeOptions {
  /** Unique on the channel. */
  readonly tag: string
  readonly noAck?: boolean
  /** Nobody else may consume the queue. */
  readonly exclusive?: boolean
  /** Most unsettled messages of this consumer; 0, the default, is unlimited. */
  readonly prefetch?: number
  /** Of basic.consume, to be shown. */
  readonly arguments?: FieldTable
  /** Those of lower priority get messages only while those of higher cannot take any. Default 0. */
  readonly priority?: number
}

/** The channel, as its consumers see it. */
export interface ConsumerChannel {
  readonly counters: MessageCounters
  /** How many more deliveries it allows all of its consumers together. */
  readonly credit: number
  /** Nobody may be handed anything now. */
  readonly isPaused: boolean
  /** Notes a delivery and returns its tag. */
  handOut(queue: Queue, position: number, consumer: Consumer): number
  forgetConsumer(consumer: Consumer): void
}

/** One consumer of one queue on one channel. */
export class Consumer implements QueueConsumer {
  readonly tag: string
  readonly queue: Queue
  readonly noAck: boolean
  readonly isExclusive: boolean
  readonly priority: number
  readonly arguments: FieldTable
  readonly #channel: ConsumerChannel
  readonly #receiver: Receiver
  #prefetch: number
  #unsettled = 0

  constructor(channel: ConsumerChannel, queue: Queue, options: ConsumeOptions, receiver: Receiver) {
    const { tag, noAck = false, exclusive = false, prefetch = 0, priority = 0 } = options
    this.#channel = channel
    this.tag = tag
    this.queue = queue
    this.noAck = noAck
    this.isExclusive = exclusive
    this.priority = priority
    this.arguments = options.arguments ?? EMPTY_TABLE
    this.#prefetch = prefetch
    this.#receiver = receiver
  }

  get credit(): number {
    if (this.noAck) return this.#channel.isPaused ? 0 : Infinity
    return this.#prefetch === 0
      ? this.#channel.credit
      : Math.min(this.#prefetch - this.#unsettled, this.#channel.credit)
  }

  get prefetch(): number {
    return this.#prefetch
  }

  /** Most unsettled messages from now on; 0 is unlimited. */
  set prefetch(count: number) {
    this.#prefetch = count
    this.queue.wake()
  }

  offer(position: number, message: Message, deliveryCount: number): void {
    if (!this.noAck) this.#unsettled++
    this.#channel.counters.handedOut(this.noAck, deliveryCount)
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
    // With more credit than this one it had some before, and the queue knows.
    if (--this.#unsettled === this.#prefetch - 1) this.queue.wake()
  }
}
