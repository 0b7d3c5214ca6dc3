import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib'

const QUEUE = 'good'
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
    await channel.assertQueue(QUEUE, { durable: true })
    await channel.consume(QUEUE, (message) => {
      if (message !== null) channel.ack(message)
      client.#received()
    })
    return client
  }

  /** A persistent message there and back, confirmed: how long that took, in milliseconds. */
  async roundTrip(): Promise<number> {
    const began = performance.now()
    const received = new Promise<void>((resolve) => (this.#received = resolve))
    this.#channel.sendToQueue(QUEUE, Buffer.from('x'), { persistent: true })
    const answered = this.#channel.waitForConfirms().then(() => received)
    await Promise.race([answered.catch(() => delay(PATIENCE_MS)), delay(PATIENCE_MS, undefined, { ref: false })])
    return performance.now() - began
  }

  async delete(queues: readonly string[]): Promise<void> {
    for (const queue of queues) await this.#onOwnChannel((channel) => channel.deleteQueue(queue))
  }

  /** Consumers and exclusive queues of those who are gone. */
  async leftovers(queues: readonly string[]): Promise<readonly string[]> {
    const left: string[] = []
    for (const queue of queues) {
      const found = await this.#onOwnChannel((channel) => channel.checkQueue(queue))
      if (found instanceof Error && !found.message.includes('404')) left.push(found.message)
      else if (!(found instanceof Error) && found.consumerCount > 0)
        left.push(`${found.consumerCount} consumers of ${queue} are left`)
    }
    return left
  }

  async close(): Promise<void> {
    await this.#model.close().catch(() => {})
  }

  /** On a channel that an error may close. */
  async #onOwnChannel<T>(act: (channel: Channel) => Promise<T>): Promise<T | Error> {
    const channel = await this.#model.createChannel()
    channel.on('error', () => {})
    try {
      return await act(channel)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    } finally {
      await channel.close().catch(() => {})
    }
  }
}
