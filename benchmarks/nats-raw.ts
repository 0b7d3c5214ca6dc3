// The raw twins on NATS: what a user of the official client writes for the same messages, on JetStream and on core NATS.
import { AckPolicy, jetstream, jetstreamManager, type ConsumerMessages, type JetStreamClient } from '@nats-io/jetstream'
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import type { MessageKind } from '../packages/waybill/src/message/kind.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { attributesOf, TYPE } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'

const runtime = systemRuntime()
const NANOSECONDS = 1_000_000

function headersOf(id: string, kind: MessageKind): MsgHdrs {
  const made = headers()
  for (const [name, value] of attributesOf('ce-', id, kind)) made.set(name, value)
  return made
}

/** Publishes with an acknowledgement each, consumes a durable pull consumer, acknowledges each. */
export class RawJetStream implements Runner {
  readonly #connection: NatsConnection
  readonly #client: JetStreamClient
  readonly #name: string

  private constructor(connection: NatsConnection, name: string) {
    this.#connection = connection
    this.#client = jetstream(connection)
    this.#name = name
  }

  static async open(server: string, name: string): Promise<RawJetStream> {
    const connection = await connect({ servers: server })
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name, subjects: [`${name}.>`], retention: 'interest', storage: 'file' })
    const policy = { ack_policy: AckPolicy.Explicit, ack_wait: 30_000 * NANOSECONDS, max_ack_pending: 1_024 }
    await manager.consumers.add(name, { durable_name: 'bench', ...policy })
    return new RawJetStream(connection, name)
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const consumer = await this.#client.consumers.get(this.#name, 'bench')
    const reading = await consumer.consume({ max_messages: window })
    const handled = this.#handle(reading, messages)
    let sent = 0
    const publisher = async (): Promise<void> => {
      while (sent < messages) {
        sent++
        const id = runtime.newId()
        await this.#client.publish(`${this.#name}.0.${TYPE}`, body, { msgID: id, headers: headersOf(id, 'event') })
      }
    }
    await Promise.all(Array.from({ length: window }, publisher))
    await handled
  }

  async close(): Promise<void> {
    const manager = await jetstreamManager(this.#connection)
    await manager.streams.delete(this.#name)
    await this.#connection.close()
  }

  async #handle(reading: ConsumerMessages, messages: number): Promise<void> {
    let handled = 0
    for await (const message of reading) {
      message.ack()
      if (++handled === messages) break
    }
    await reading.close()
  }
}

/** Publishes and subscribes, and nothing is kept: the window is what has not arrived. */
export class RawCore implements Runner {
  readonly #publishing: NatsConnection
  readonly #subscribing: NatsConnection
  readonly #subject: string

  private constructor(publishing: NatsConnection, subscribing: NatsConnection, subject: string) {
    this.#publishing = publishing
    this.#subscribing = subscribing
    this.#subject = subject
  }

  static async open(server: string, subject: string): Promise<RawCore> {
    const connections = await Promise.all([connect({ servers: server }), connect({ servers: server })])
    return new RawCore(...connections, subject)
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const all = Promise.withResolvers<void>()
    let [sent, received] = [0, 0]
    const next = (): void => {
      if (sent === messages) return
      sent++
      this.#publishing.publish(this.#subject, body, { headers: headersOf(runtime.newId(), 'event') })
    }
    const subscription = this.#subscribing.subscribe(this.#subject, {
      callback: (error) => {
        if (error !== null) return all.reject(error)
        if (++received === messages) all.resolve()
        else next()
      },
    })
    await this.#subscribing.flush()
    for (let n = 0; n < window; n++) next()
    await all.promise
    subscription.unsubscribe()
  }

  async close(): Promise<void> {
    await this.#publishing.close()
    await this.#subscribing.close()
  }
}

/** Requests over the client's own multiplexed reply subscription, answered by a member of a queue group. */
export class RawNatsRequester implements Runner {
  readonly #asking: NatsConnection
  readonly #answering: NatsConnection
  readonly #subject: string

  private constructor(asking: NatsConnection, answering: NatsConnection, subject: string) {
    this.#asking = asking
    this.#answering = answering
    this.#subject = subject
  }

  static async open(server: string, subject: string): Promise<RawNatsRequester> {
    const [asking, answering] = await Promise.all([connect({ servers: server }), connect({ servers: server })])
    answering.subscribe(subject, {
      queue: 'answerer',
      callback: (error, request) => {
        if (error === null) request.respond(request.data, { headers: headersOf(runtime.newId(), 'reply') })
      },
    })
    await answering.flush()
    return new RawNatsRequester(asking, answering, subject)
  }

  async run({ messages, window, body }: Run): Promise<void> {
    let sent = 0
    const requester = async (): Promise<void> => {
      while (sent < messages) {
        sent++
        const made = headersOf(runtime.newId(), 'query')
        await this.#asking.request(this.#subject, body, { timeout: 10_000, headers: made })
      }
    }
    await Promise.all(Array.from({ length: window }, requester))
  }

  async close(): Promise<void> {
    await this.#asking.close()
    await this.#answering.close()
  }
}
