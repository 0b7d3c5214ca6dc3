// Request and reply through the seam, as the bus does it: a reply is confirmed before its request is acknowledged.
import type { Channel, Delivery, Outgoing, Subscription, Transport, TransportFactory } from 'waybill/transport'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { messageOf } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'

const runtime = systemRuntime()

export class SeamRequester implements Runner {
  readonly #requester: Transport
  readonly #answerer: Transport
  readonly #queries: Channel
  #replies: Subscription | undefined
  #waiting: Outgoing[] = []
  #onReplies: (count: number) => void = () => undefined

  private constructor(requester: Transport, answerer: Transport, name: string) {
    this.#requester = requester
    this.#answerer = answerer
    this.#queries = { kind: 'query', name, shards: 1 }
  }

  static async open(factory: TransportFactory, name: string): Promise<SeamRequester> {
    const [requester, answerer] = [await factory(runtime), await factory(runtime)]
    await Promise.all([requester, answerer].map((each) => each.connect(AbortSignal.timeout(10_000))))
    const client = new SeamRequester(requester, answerer, name)
    await client.#answer()
    await client.#listen(name)
    return client
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const all = Promise.withResolvers<void>()
    let [sent, answered] = [0, 0]
    const next = (): void => {
      if (sent === messages) return
      sent++
      const message = messageOf(body, 'query', this.#replies?.address)
      this.#waiting.push({ to: this.#queries, message })
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flush())
    }
    this.#onReplies = (count) => {
      answered += count
      if (answered === messages) all.resolve()
      for (let n = 0; n < count; n++) next()
    }
    for (let n = 0; n < window; n++) next()
    await all.promise
  }

  async close(): Promise<void> {
    await this.#requester.close(1_000)
    await this.#answerer.close(1_000)
  }

  #flush(): void {
    const batch = this.#waiting
    this.#waiting = []
    void this.#requester.send(batch)
  }

  async #listen(name: string): Promise<void> {
    const channel: Channel = { kind: 'reply', name, shards: 1 }
    const group = { channel, name: 'requester', ordered: false }
    const replies = await this.#requester.subscribe({ group, transient: true, prefetch: 256 }, (batch) => {
      this.#replies?.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
      this.#onReplies(batch.length)
    })
    this.#replies = replies
  }

  async #answer(): Promise<void> {
    const group = { channel: this.#queries, name: 'answerer', ordered: false }
    const spec = { group, transient: false, prefetch: 256 }
    const answer = async (batch: readonly Delivery[]): Promise<void> => {
      await this.#answerer.send(
        batch.map(({ message }) => ({
          to: { kind: 'address', address: message.replyTo ?? '' },
          message: messageOf(message.body, 'reply', undefined),
        })),
      )
      subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
    }
    const subscription = await this.#answerer.subscribe(spec, (batch) => void answer(batch))
  }
}
