// Request and reply with amqplib alone: the queues, flags, confirms and acknowledgements of the transport.
import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib'
import { acknowledgedPerRead, options } from './rabbitmq-raw.ts'
import type { Run, Runner } from './measured-run.ts'

export class RawRequester implements Runner {
  readonly #models: readonly ChannelModel[]
  readonly #requests: ConfirmChannel
  readonly #queue: string
  readonly #replies: string
  readonly #newId: () => string
  #onReply: () => void = () => undefined

  private constructor(models: readonly ChannelModel[], requests: ConfirmChannel, queue: string, newId: () => string) {
    this.#models = models
    this.#requests = requests
    this.#queue = queue
    this.#replies = `${queue}:replies`
    this.#newId = newId
  }

  static async open(url: string, queue: string, newId: () => string): Promise<RawRequester> {
    const models = [await connect(url, { noDelay: true }), await connect(url, { noDelay: true })] as const
    const client = new RawRequester(models, await models[0].createConfirmChannel(), queue, newId)
    await client.#answer(models[1])
    await client.#listen(models[0])
    return client
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const all = Promise.withResolvers<void>()
    let [sent, answered] = [0, 0]
    const next = (): void => {
      if (sent === messages) return
      sent++
      const properties = options(this.#newId(), Date.now(), {
        persistent: false,
        mandatory: true,
        replyTo: this.#replies,
      })
      this.#requests.publish('', this.#queue, body, properties, () => undefined)
    }
    this.#onReply = () => {
      if (++answered === messages) all.resolve()
      else next()
    }
    for (let n = 0; n < window; n++) next()
    await all.promise
  }

  async close(): Promise<void> {
    for (const model of this.#models) await model.close()
  }

  async #listen(model: ChannelModel): Promise<void> {
    const channel = await model.createChannel()
    await channel.assertQueue(this.#replies, { exclusive: true, autoDelete: true, durable: false })
    await channel.prefetch(256)
    await channel.consume(
      this.#replies,
      acknowledgedPerRead(channel, () => this.#onReply()),
    )
  }

  /** Acknowledges a request once its reply is confirmed. */
  async #answer(model: ChannelModel): Promise<void> {
    const [consuming, replying] = [await model.createChannel(), await model.createConfirmChannel()]
    await consuming.assertQueue(this.#queue, { autoDelete: true, expires: 60_000 })
    await consuming.prefetch(256)
    let last: ConsumeMessage | undefined
    await consuming.consume(this.#queue, (request) => {
      if (request === null) return
      const properties = options(this.#newId(), Date.now(), { mandatory: true })
      // Confirms of one queue come in order, so the last of a turn acknowledges all of it, as the transport does.
      replying.publish('', String(request.properties.replyTo), request.content, properties, () => {
        if (last === undefined)
          queueMicrotask(() => {
            if (last !== undefined) consuming.ack(last, true)
            last = undefined
          })
        last = request
      })
    })
  }
}
