import type { Channel, ConsumeMessage } from 'amqplib'
import { WaybillError } from '../../message/errors.ts'
import type { AmqpConsumer, AmqpDelivery, ConsumerEvents, ConsumerStanding, ConsumeSpec } from '../amqp/engine.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { operationError } from './amqp-errors.ts'
import { HandOver } from './hand-over.ts'

/** basic.qos carries 16 bits; 0 is unlimited. */
const MAX_PREFETCH = 65_535

export interface ChannelConsumeSpec extends ConsumeSpec {
  /** The queue has a single active consumer. */
  readonly singleActive: boolean
  /** What the broker says of this connection's consumers of the queue. */
  readonly standing: () => Promise<ConsumerStanding>
}

/**
 * A consumer on a channel of its own.
 *
 * The prefetch is kept twice. The broker fixes a consumer's for its life (and quorum queues refuse one for the channel),
 * so a smaller one is kept here, by holding deliveries back. A larger one takes a new consumer on the same channel, where
 * deliveries that are out stay valid; the old one is cancelled second, so that an auto-delete queue never is without. On a
 * queue with a single active consumer that would hand the turn to another member while deliveries are out: there the
 * prefetch of the beginning is the largest.
 *
 * Who browses keeps what is out and asks for more: there the new consumer takes the rest of the larger prefetch, and the old
 * one stays with what it holds. When the channel closes, a quorum queue takes back what each holds, consumer by consumer, in
 * the order of their tags; a cancel would put what is on its way behind all others (both seen on 3.10.8).
 */
export class Consumer implements AmqpConsumer {
  readonly #channel: Channel
  readonly #spec: ChannelConsumeSpec
  readonly #events: ConsumerEvents
  readonly #acknowledgements: Acknowledgements
  readonly #handOver: HandOver
  readonly #closed: Promise<void>
  #isOpen = true
  #fault: Error | undefined
  #consumerTag = ''
  #brokerPrefetch: number
  #limit: number
  #isRenewing = false
  #consumers = 0

  private constructor(channel: Channel, spec: ChannelConsumeSpec, events: ConsumerEvents) {
    this.#channel = channel
    this.#spec = spec
    this.#events = events
    this.#limit = this.#brokerPrefetch = Math.min(spec.prefetch, MAX_PREFETCH)
    const ack = emptyMessage()
    this.#acknowledgements = new Acknowledgements((tag, multiple) => {
      ack.fields.deliveryTag = tag
      channel.ack(ack, multiple)
    })
    this.#handOver = new HandOver(
      () => (this.#isBounded() ? this.#limit - this.#acknowledgements.unsettled : Infinity),
      (batch) => this.#deliver(batch),
    )
    channel.on('error', (error) => (this.#fault = error))
    this.#closed = new Promise((resolve) => {
      channel.on('close', () => {
        const wasOpen = this.#end()
        resolve()
        // Without a fault the link was lost, which the engine reports.
        if (wasOpen && this.#fault !== undefined) events.cancelled(operationError(`queue ${spec.queue}`, this.#fault))
      })
    })
  }

  /** @throws {WaybillError} WAYBILL_NOT_FOUND, WAYBILL_ACCESS_REFUSED, WAYBILL_NOT_CONNECTED */
  static async open(channel: Channel, spec: ChannelConsumeSpec, events: ConsumerEvents): Promise<Consumer> {
    const consumer = new Consumer(channel, spec, events)
    try {
      await consumer.#consume(consumer.#limit)
    } catch (error) {
      consumer.#isOpen = false
      throw operationError(`queue ${spec.queue}`, error)
    }
    return consumer
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get queue(): string {
    return this.#spec.queue
  }

  ack(tags: readonly number[]): void {
    if (!this.#isOpen) return
    for (const tag of tags) this.#acknowledgements.ack(tag)
    this.#acknowledgements.flush()
    this.#handOver.resume()
  }

  requeue(tags: readonly number[]): void {
    if (!this.#isOpen) return
    const nack = emptyMessage()
    for (const tag of tags) {
      if (!this.#acknowledgements.take(tag)) continue
      nack.fields.deliveryTag = tag
      this.#channel.nack(nack, false, true)
    }
    this.#handOver.resume()
  }

  prefetch(count: number): void {
    // Who browses has a consumer for each step, with a prefetch of its own.
    this.#limit = this.#spec.browses === true ? count : Math.min(count, MAX_PREFETCH)
    this.#handOver.resume()
    if (this.#isOpen && !this.#isRenewing && !this.#brokerSuffices() && !this.#spec.singleActive) void this.#renew()
  }

  async inspect(): Promise<ConsumerStanding> {
    return this.#isOpen ? await this.#spec.standing() : { attached: false, ready: 0 }
  }

  async close(): Promise<void> {
    if (this.#isOpen) {
      this.#end()
      // It fails when the channel has ended meanwhile, which is what is asked.
      if (this.#spec.noAck !== true) await Promise.race([this.#applied().catch(() => undefined), this.#closed])
      await this.#channel.close().catch(() => undefined)
    }
    await this.#closed
  }

  /**
   * A quorum queue's acknowledgements wait in the broker's channel while the queue is busy, and closing it drops them: the
   * messages come again (seen on 3.10.8: up to 217 of 3,000). The answer to a cancel comes after they are applied. But a
   * cancel puts what is on its way behind all others, in no order, and lets the next single active consumer in before what is
   * unsettled has returned. So where order counts, one consumer more is asked for instead, whose answer comes after them, too.
   */
  async #applied(): Promise<void> {
    const { singleActive, browses } = this.#spec
    if (singleActive || browses === true) await this.#consume(1)
    else if (this.#acknowledgements.unsettled === 0) await this.#channel.cancel(this.#consumerTag)
  }

  async #consume(prefetch: number): Promise<void> {
    if (this.#isBounded()) await this.#channel.prefetch(prefetch)
    const { queue, noAck = false, browses } = this.#spec
    const tag = browses === true ? { consumerTag: browserTag(this.#consumers++) } : undefined
    const ok = await this.#channel.consume(queue, (message) => this.#receive(message), { noAck, ...tag })
    this.#consumerTag = ok.consumerTag
  }

  /** Takes the place of the present consumer by one with the prefetch of now, until it is large enough. */
  async #renew(): Promise<void> {
    this.#isRenewing = true
    try {
      while (this.#isOpen && !this.#brokerSuffices()) {
        const before = this.#consumerTag
        const limit = this.#limit
        const isMore = this.#spec.browses === true
        await this.#consume(isMore ? limit - this.#brokerPrefetch : limit)
        this.#brokerPrefetch = limit
        if (!isMore) await this.#channel.cancel(before)
      }
    } catch (error) {
      // The channel has closed: its `close` event reports a fault, or the engine the lost link.
      this.#fault ??= error instanceof Error ? error : new Error(String(error))
    } finally {
      this.#isRenewing = false
    }
  }

  #receive(message: ConsumeMessage | null): void {
    if (!this.#isOpen) return
    if (message !== null) return this.#handOver.add(message)
    const { queue } = this.#spec
    this.#end()
    this.#events.cancelled(
      new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `the broker cancelled the consumer of ${queue}`),
    )
    // The channel has nothing left to do; it fails when it has ended by itself.
    this.#channel.close().catch(() => undefined)
  }

  #deliver(batch: readonly AmqpDelivery[]): void {
    if (!this.#isOpen) return
    if (this.#spec.noAck !== true) for (const { tag } of batch) this.#acknowledgements.delivered(tag)
    this.#events.deliver(batch)
  }

  /** No delivery and no settlement after this. `false` when it has ended before. */
  #end(): boolean {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    this.#handOver.clear()
    return wasOpen
  }

  #isBounded(): boolean {
    return this.#limit > 0 && this.#spec.noAck !== true
  }

  #brokerSuffices(): boolean {
    if (this.#brokerPrefetch === 0 || this.#spec.noAck === true) return true
    return this.#limit > 0 && this.#limit <= this.#brokerPrefetch
  }
}

/** In alphabetical order. */
function browserTag(n: number): string {
  return `browse-${String(n).padStart(3, '0')}`
}

/** What amqplib wants to settle by; it reads the tag alone. */
function emptyMessage(): ConsumeMessage {
  return { fields: { deliveryTag: 0 } } as ConsumeMessage
}
