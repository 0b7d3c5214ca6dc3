import type { Message } from '../message.ts'
import type { Queue } from '../queue/queue.ts'
import { ReplyError } from '../reply-error.ts'
import { Consumer, type ConsumerChannel } from './consumer.ts'
import type { Receiver } from './receiver.ts'

export interface ConsumeOptions {
  /** Unique on the channel. */
  readonly tag: string
  readonly noAck?: boolean
  /** Nobody else may consume the queue. */
  readonly exclusive?: boolean
  /** Most unsettled messages of this consumer; 0, the default, is unlimited. */
  readonly prefetch?: number
}

export interface Got {
  readonly tag: number
  readonly message: Message
  readonly deliveryCount: number
}

interface Unsettled {
  readonly queue: Queue
  readonly position: number
  /** `undefined` after basic.get. */
  readonly consumer: Consumer | undefined
}

/**
 * A channel's deliveries and consumers (AMQP 0-9-1, section 2.2.5): delivery tags count from 1 and are shared by all of
 * its consumers. What is unsettled when it closes returns to its queues, in the same step in which its consumers go.
 */
export class Channel implements ConsumerChannel {
  readonly #findQueue: (name: string) => Queue
  readonly #closed: (channel: Channel) => void
  readonly #consumers = new Map<string, Consumer>()
  readonly #unsettled = new Map<number, Unsettled>()
  #lastTag = 0
  #prefetch = 0

  /** @param findQueue throws a `ReplyError` when there is no such queue, or it is another connection's own */
  constructor(findQueue: (name: string) => Queue, closed: (channel: Channel) => void) {
    this.#findQueue = findQueue
    this.#closed = closed
  }

  get credit(): number {
    return this.#prefetch === 0 ? Infinity : this.#prefetch - this.#unsettled.size
  }

  /** basic.qos with `global`: most unsettled messages of all consumers together; 0 is unlimited. */
  set prefetch(count: number) {
    this.#prefetch = count
    this.#wakeAll()
  }

  /**
   * Begins to consume; messages come in a later turn of the event loop.
   *
   * @throws {ReplyError} 404 when there is no such queue, 403 or 405 when another holds it, 406 for a tag in use
   */
  consume(queueName: string, options: ConsumeOptions, receiver: Receiver): Consumer {
    const queue = this.#findQueue(queueName)
    if (this.#consumers.has(options.tag)) {
      throw new ReplyError(406, `consumer tag '${options.tag}' is in use on this channel`)
    }
    const consumer = new Consumer(this, options.tag, queue, options.noAck ?? false, options.prefetch ?? 0, receiver)
    queue.addConsumer(consumer, options.exclusive ?? false)
    this.#consumers.set(options.tag, consumer)
    return consumer
  }

  /**
   * basic.get: takes one message now. `loading`: the next one is on its way from disk; ask again in a later turn.
   *
   * @throws {ReplyError} 404 when there is no such queue, 405 when it is another connection's own
   */
  get(queueName: string, noAck: boolean): Got | 'empty' | 'loading' {
    const queue = this.#findQueue(queueName)
    const taken = queue.get(noAck)
    if (typeof taken === 'string') return taken
    const tag = ++this.#lastTag
    if (!noAck) this.#unsettled.set(tag, { queue, position: taken.position, consumer: undefined })
    return { tag, message: taken.message, deliveryCount: taken.deliveryCount }
  }

  /** basic.cancel: no more deliveries; those unsettled stay with the channel. */
  cancel(tag: string): void {
    const consumer = this.#consumers.get(tag)
    if (consumer === undefined) return
    this.#consumers.delete(tag)
    consumer.queue.removeConsumer(consumer)
  }

  /** Notes a delivery and returns its tag. */
  handOut(queue: Queue, position: number, consumer: Consumer): number {
    const tag = ++this.#lastTag
    if (!consumer.noAck) this.#unsettled.set(tag, { queue, position, consumer })
    return tag
  }

  forgetConsumer(consumer: Consumer): void {
    this.#consumers.delete(consumer.tag)
  }

  /** Whether the tag is of a delivery that is still unsettled. */
  isUnsettled(tag: number): boolean {
    return this.#unsettled.has(tag)
  }

  /** Settles one delivery. `false` for an unknown tag. */
  ack(tag: number): boolean {
    const entry = this.#release(tag)
    if (entry === undefined) return false
    entry.queue.settle(entry.position)
    return true
  }

  /** Returns one delivery to its place. `false` for an unknown tag. */
  requeue(tag: number): boolean {
    const entry = this.#release(tag)
    if (entry === undefined) return false
    entry.queue.requeue(entry.position)
    return true
  }

  /** Gives one delivery up: to the dead-letter exchange, where its queue has one. `false` for an unknown tag. */
  reject(tag: number): boolean {
    const entry = this.#release(tag)
    if (entry === undefined) return false
    entry.queue.discard(entry.position, 'rejected')
    return true
  }

  /** The unsettled tags up to and including `tag`, oldest first; all of them for 0. For `multiple`. */
  unsettledUpTo(tag: number): readonly number[] {
    const tags: number[] = []
    for (const each of this.#unsettled.keys()) {
      if (tag !== 0 && each > tag) break
      tags.push(each)
    }
    return tags
  }

  /** Ends the consumers and returns what is unsettled, in one step. */
  close(): void {
    for (const entry of this.#unsettled.values()) entry.queue.requeue(entry.position)
    this.#unsettled.clear()
    for (const tag of this.#consumers.keys()) this.cancel(tag)
    this.#closed(this)
  }

  #release(tag: number): Unsettled | undefined {
    const entry = this.#unsettled.get(tag)
    if (entry === undefined) return undefined
    this.#unsettled.delete(tag)
    entry.consumer?.release()
    if (this.#prefetch > 0 && this.#unsettled.size === this.#prefetch - 1) this.#wakeAll()
    return entry
  }

  #wakeAll(): void {
    for (const consumer of this.#consumers.values()) consumer.queue.wake()
  }
}
