// The raw twin: amqplib alone, sending the bytes, properties and headers that the transport sends, to the same kind of
// queue, with confirms and acknowledgements.
import {
  connect,
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  type Options,
} from 'amqplib'
import { CONTENT_TYPE, SOURCE, TRACEPARENT, TYPE } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'

/** What a user of amqplib writes for a CloudEvent with a trace. */
export function options(id: string, now: number, more: Options.Publish = {}): Options.Publish {
  return {
    contentType: CONTENT_TYPE,
    messageId: id,
    type: TYPE,
    appId: SOURCE,
    timestamp: Math.floor(now / 1_000),
    correlationId: id,
    persistent: true,
    headers: {
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': id,
      'cloudEvents:source': SOURCE,
      'cloudEvents:type': TYPE,
      'cloudEvents:time': new Date(now).toISOString(),
      'waybill-kind': 'event',
      'waybill-wire-version': '1',
      'cloudEvents:traceparent': TRACEPARENT,
    },
    ...more,
  }
}

/** Hands each message to `handle`, and acknowledges all of one read of the socket as one, as the transport does. */
export function acknowledgedPerRead(channel: Channel, handle: (message: ConsumeMessage) => void) {
  let last: ConsumeMessage | undefined
  return (message: ConsumeMessage | null): void => {
    if (message === null) return
    if (last === undefined)
      queueMicrotask(() => {
        if (last !== undefined) channel.ack(last, true)
        last = undefined
      })
    last = message
    handle(message)
  }
}

export class RawClient implements Runner {
  readonly #model: ChannelModel
  readonly #publishing: ConfirmChannel
  readonly #newId: () => string
  readonly #exchange: string

  private constructor(model: ChannelModel, publishing: ConfirmChannel, exchange: string, newId: () => string) {
    this.#model = model
    this.#publishing = publishing
    this.#exchange = exchange
    this.#newId = newId
  }

  static async open(url: string, name: string, newId: () => string): Promise<RawClient> {
    const model = await connect(url, { noDelay: true })
    const publishing = await model.createConfirmChannel()
    await publishing.assertExchange(name, 'topic')
    return new RawClient(model, publishing, name, newId)
  }

  /** Publishes and consumes `messages`, so many unconfirmed and unacknowledged at a time. */
  async run({ messages, window, body }: Run): Promise<void> {
    const consuming = await this.#model.createChannel()
    const queue = `${this.#exchange}:raw`
    await consuming.assertQueue(queue, {
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 },
    })
    await consuming.bindQueue(queue, this.#exchange, `*.${TYPE}`)
    await consuming.prefetch(window)
    let handled = 0
    const all = Promise.withResolvers<void>()
    await consuming.consume(
      queue,
      acknowledgedPerRead(consuming, () => ++handled === messages && all.resolve()),
    )
    let sent = 0
    const next = (): void => {
      if (sent === messages) return
      sent++
      this.#publishing.publish(this.#exchange, `0.${TYPE}`, body, options(this.#newId(), Date.now()), next)
    }
    for (let n = 0; n < window; n++) next()
    await all.promise
    await consuming.close()
  }

  async close(): Promise<void> {
    await this.#publishing.deleteQueue(`${this.#exchange}:raw`)
    await this.#publishing.deleteExchange(this.#exchange)
    await this.#model.close()
  }
}
