import type { Channel } from 'amqplib'
import { WaybillError } from '../../message/errors.ts'
import type { AmqpConsumer, ConsumerEvents } from '../amqp/engine.ts'
import { operationError } from './amqp-errors.ts'
import { HandOver } from './hand-over.ts'
import { DIRECT_REPLY_TO } from './direct-reply-to.ts'

/**
 * Takes direct replies on the channel that publishes the requests, as the broker demands. There is nothing to settle.
 *
 * @see https://www.rabbitmq.com/docs/direct-reply-to
 */
export class DirectReplyConsumer implements AmqpConsumer {
  readonly #channel: Channel
  readonly #handOver: HandOver
  #isOpen = true
  #consumerTag = ''

  private constructor(channel: Channel, events: ConsumerEvents) {
    this.#channel = channel
    this.#handOver = new HandOver(
      () => Infinity,
      (batch) => this.#isOpen && events.deliver(batch),
    )
    let fault: Error | undefined
    channel.on('error', (error) => (fault = error))
    channel.on('close', () => {
      const wasOpen = this.#isOpen
      this.#isOpen = false
      if (wasOpen && fault !== undefined)
        events.cancelled(new WaybillError('WAYBILL_SUBSCRIPTION_LOST', fault.message, { cause: fault }))
    })
  }

  static async open(channel: Channel, events: ConsumerEvents): Promise<DirectReplyConsumer> {
    const consumer = new DirectReplyConsumer(channel, events)
    try {
      const ok = await channel.consume(
        DIRECT_REPLY_TO,
        (message) => message !== null && consumer.#handOver.add(message),
        {
          noAck: true,
        },
      )
      consumer.#consumerTag = ok.consumerTag
    } catch (error) {
      consumer.#isOpen = false
      throw operationError(`queue ${DIRECT_REPLY_TO}`, error)
    }
    return consumer
  }

  ack(): void {}

  requeue(): void {}

  prefetch(): void {}

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#handOver.clear()
    // It fails when the channel has ended meanwhile, and the consumer with it.
    await this.#channel.cancel(this.#consumerTag).catch(() => undefined)
  }
}
