// The raw twin on Kafka: what a user of the same client writes. An idempotent producer with acks=all, sends as large as
// the transport's, a consumer group, and commits of what was handled.
import { Admin, Consumer, ProduceAcks, Producer, type Message, type MessagesStream } from '@platformatic/kafka'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { attributesOf } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'
import { BATCH } from './seam-client.ts'

const runtime = systemRuntime()
type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>

export class RawKafka implements Runner {
  readonly #admin: Admin
  readonly #producer: Producer
  readonly #consumer: Consumer
  readonly #topic: string
  #stream: Stream | undefined

  private constructor(brokers: readonly string[], topic: string) {
    const base = { clientId: 'bench-raw', bootstrapBrokers: [...brokers] }
    this.#topic = topic
    this.#admin = new Admin(base)
    this.#producer = new Producer({ ...base, idempotent: true, acks: ProduceAcks.ALL })
    this.#consumer = new Consumer({ ...base, groupId: `${topic}-bench`, autocommit: false, maxWaitTime: 50 })
  }

  /** @param partitions as many as the transport gives such a channel */
  static async open(brokers: readonly string[], topic: string, partitions: number): Promise<RawKafka> {
    const client = new RawKafka(brokers, topic)
    await client.#admin.createTopics({ topics: [topic], partitions, replicas: 1 })
    client.#stream = await client.#consumer.consume({ topics: [topic], mode: 'earliest' })
    return client
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const stream = this.#stream as Stream // open
    const all = Promise.withResolvers<void>()
    let handled = 0
    const commits = new Commits(this.#consumer, (error) => all.reject(error))
    const onMessage = (message: Message): void => {
      commits.handled(message)
      if (++handled === messages) all.resolve()
    }
    stream.on('data', onMessage)
    let [sent, free, due] = [0, window, false]
    const confirmed = async (count: number): Promise<void> => {
      await this.#producer.send({ messages: Array.from({ length: count }, () => this.#message(body)) })
      free += count
      if (!due) queueMicrotask(fill)
      due = true
    }
    const fill = (): void => {
      due = false
      const count = Math.min(free, messages - sent)
      free -= count
      sent += count
      for (let at = 0; at < count; at += BATCH) confirmed(Math.min(BATCH, count - at)).catch(all.reject)
    }
    fill()
    await all.promise
    stream.off('data', onMessage)
    await commits.done()
  }

  async close(): Promise<void> {
    await this.#stream?.close()
    await this.#consumer.close()
    await this.#producer.close()
    await this.#admin.deleteTopics({ topics: [this.#topic] })
    await this.#admin.close()
  }

  #message(value: Buffer) {
    const headers = new Map<Buffer, Buffer>()
    for (const [name, text] of attributesOf('ce_', runtime.newId(), 'event'))
      headers.set(Buffer.from(name), Buffer.from(text))
    return { topic: this.#topic, value, headers }
  }
}

/** Commits what was handled of each partition, one commit at a time. */
class Commits {
  readonly #consumer: Consumer
  readonly #failed: (error: unknown) => void
  readonly #last = new Map<number, Message>()
  #running: Promise<void> | undefined

  constructor(consumer: Consumer, failed: (error: unknown) => void) {
    this.#consumer = consumer
    this.#failed = failed
  }

  handled(message: Message): void {
    this.#last.set(message.partition, message)
    this.#running ??= this.#commit().catch(this.#failed)
  }

  async done(): Promise<void> {
    await this.#running
  }

  async #commit(): Promise<void> {
    await Promise.resolve()
    while (this.#last.size > 0) {
      const offsets = [...this.#last.values()].map(({ topic, partition, offset, leaderEpoch }) => ({
        topic,
        partition,
        offset: offset + 1n,
        leaderEpoch,
      }))
      this.#last.clear()
      await this.#consumer.commit({ offsets })
    }
    this.#running = undefined
  }
}
