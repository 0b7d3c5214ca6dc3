import { MessageCounters } from '../message-counters.ts'
import type { Message } from '../message.ts'
import type { Queue } from '../queue/queue.ts'
import { ReplyError } from '../reply-error.ts'
import { Consumer, type ConsumeOptions, type ConsumerChannel } from './consumer.ts'
import type { Receiver } from './receiver.ts'
import { UnsettledDeliveries, type Settle } from './unsettled-deliveries.ts'

export interface Got {
  readonly tag: number
  readonly message: Message
  readonly deliveryCount: number
}

/**
 * A channel's deliveries and consumers (AMQP 0-9-1, section 2.2.5): delivery tags count from 1 and are shared by all of
 * its consumers. What is unsettled when it closes returns to its queues, in the same step in which its consumers go.
 */
export class Channel implements ConsumerChannel {
  readonly counters: MessageCounters = new MessageCounters()
  readonly #findQueue: (name: string) => Queue
  readonly #closed: (channel: Channel) => void
  readonly #consumers = new Map<string, Consumer>()
  readonly #unsettled = new UnsettledDeliveries((consumer) => this.#released(consumer))
  #lastTag = 0
  #prefetch = 0
  #isPaused = false

  /** @param findQueue throws a `ReplyError` when there is no such queue, or it is another connection's own */
  constructor(findQueue: (name: string) => Queue, closed: (channel: Channel) => void) {
    this.#findQueue = findQueue
    this.#closed = closed
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get credit(): number {
    if (this.#isPaused) return 0
    return this.#prefetch === 0 ? Infinity : this.#prefetch - this.#unsettled.size
  }

  /** While it is paused nothing is handed out, not even without acknowledgement: its socket is full. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    if (!isPaused) this.#wakeAll()
  }

  /** Deliveries that are to be settled. */
  get unsettled(): number {
    return this.#unsettled.size
  }

  get consumerCount(): number {
    return this.#consumers.size
  }

  get consumers(): Iterable<Consumer> {
    return this.#consumers.values()
  }

  get prefetch(): number {
    return this.#prefetch
  }

  /** basic.qos with `global`: most unsettled messages of all consumers together; 0 is unlimited. */
  set prefetch(count: number) {
    this.#prefetch = count
    this.#wakeAll()
  }

  /**
   * Begins to consume; messages come in a later turn of the event loop.
   *
   * @throws {ReplyError} 404 when there is no such queue, 403 or 405 when another holds it, 530 for a tag in use
   */
  consume(queueName: string, options: ConsumeOptions, receiver: Receiver): Consumer {
    const queue = this.#findQueue(queueName)
    if (this.#consumers.has(options.tag)) {
      throw new ReplyError(530, `attempt to reuse consumer tag '${options.tag}'`)
    }
    const consumer = new Consumer(this, queue, options, receiver)
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
    if (taken === 'empty') this.counters.gotNothing++
    if (typeof taken === 'string') return taken
    this.counters.taken(noAck, taken.deliveryCount)
    const tag = this.nextTag()
    if (!noAck) this.#unsettled.add(tag, queue, taken.position, undefined)
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
    const tag = this.nextTag()
    if (!consumer.noAck) this.#unsettled.add(tag, queue, position, consumer)
    return tag
  }

  /** The tag of the next delivery, which may come from no queue. */
  nextTag(): number {
    return ++this.#lastTag
  }

  forgetConsumer(consumer: Consumer): void {
    this.#consumers.delete(consumer.tag)
  }

  /**
   * Settles a delivery, or with `multiple` all up to and including it; tag 0 with `multiple` is all there are.
   *
   * @returns `false`, and settles nothing, when the tag is not of an unsettled delivery
   */
  ack(tag: number, multiple = false): boolean {
    const { size } = this.#unsettled
    const isKnown = this.#settle(tag, multiple, ACK)
    this.counters.acked += size - this.#unsettled.size
    return isKnown
  }

  /** The deliveries that `ack` would settle; `undefined` where it would be `false`. */
  chosenBy(tag: number, multiple: boolean): readonly number[] | undefined {
    if (!(multiple && tag === 0) && !this.#unsettled.has(tag)) return undefined
    return multiple ? this.#unsettled.tagsUpTo(tag === 0 ? this.#lastTag : tag) : [tag]
  }

  /** Returns deliveries, chosen as by `ack`, to their places in their queues. */
  requeue(tag: number, multiple = false): boolean {
    return this.#settle(tag, multiple, REQUEUE)
  }

  /** Gives deliveries, chosen as by `ack`, up: to the dead-letter exchange, where their queue has one. */
  reject(tag: number, multiple = false): boolean {
    return this.#settle(tag, multiple, REJECT)
  }

  /** basic.recover: returns everything unsettled to its queues. */
  recover(): void {
    this.#unsettled.settleUpTo(this.#lastTag, REQUEUE)
  }

  /** Ends the consumers and returns what is unsettled, in one step. */
  close(): void {
    this.recover()
    for (const tag of this.#consumers.keys()) this.cancel(tag)
    this.#closed(this)
  }

  #settle(tag: number, multiple: boolean, how: Settle): boolean {
    if (!multiple) return this.#unsettled.settle(tag, how)
    if (tag !== 0 && !this.#unsettled.has(tag)) return false
    this.#unsettled.settleUpTo(tag === 0 ? this.#lastTag : tag, how)
    return true
  }

  /** A delivery was settled: wakes the consumers of the channel if it allowed them nothing until now. */
  #released(consumer: Consumer | undefined): void {
    consumer?.release()
    if (this.#prefetch > 0 && this.#unsettled.size === this.#prefetch - 1) this.#wakeAll()
  }

  #wakeAll(): void {
    for (const consumer of this.#consumers.values()) consumer.queue.wake()
  }
}

const ACK: Settle = (queue, position) => {
  queue.counters.acked++
  queue.settle(position)
}
const REQUEUE: Settle = (queue, position) => queue.requeue(position)
const REJECT: Settle = (queue, position) => queue.discard(position, 'rejected')
