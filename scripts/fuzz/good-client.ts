import { setTimeout as delay } from 'node:timers/promises'
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib'

export const GOOD_QUEUE = 'good'
/** An answer that takes longer does not come. */
const PATIENCE_MS = 20_000

/** A client that minds its own business, beside others that do not. */
export class GoodClient {
  readonly #model: ChannelModel
  readonly #channel: ConfirmChannel
  #received: () => void = () => {}

  private constructor(model: ChannelModel, channel: ConfirmChannel) {
    this.#model = model
    this.#channel = channel
  }

  static async open(port: number): Promise<GoodClient> {
    const model = await connect({ hostname: '127.0.0.1', port, username: 'guest', password: 'guest' })
    model.on('error', () => {})
    const channel = await model.createConfirmChannel()
    const client = new GoodClient(model, channel)
    await channel.assertQueue(GOOD_QUEUE, { durable: true })
    await channel.consume(GOOD_QUEUE, (message) => {
      if (message !== null) channel.ack(message)
      client.#received()
    })
    return client
  }

  /** A persistent message there and back, confirmed: how long that took, in milliseconds. */
  async roundTrip(): Promise<number> {
    const began = performance.now()
    const received = new Promise<void>((resolve) => (this.#received = resolve))
    this.#channel.sendToQueue(GOOD_QUEUE, Buffer.from('x'), { persistent: true })
    const answered = this.#channel.waitForConfirms().then(() => received)
    await Promise.race([answered.catch(() => delay(PATIENCE_MS)), delay(PATIENCE_MS, undefined, { ref: false })])
    return performance.now() - began
  }

  async close(): Promise<void> {
    await this.#model.close().catch(() => {})
  }
}
