// The RabbitMQ transport, used through the seam as the bus uses it: what is sent in one turn goes as one batch.
import type { Channel, Outgoing, Transport, WireMessage } from 'waybill/transport'
import type { MessageKind } from '../packages/waybill/src/message/kind.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { rabbitmq } from '../packages/waybill/src/transports/rabbitmq/rabbitmq.ts'
import { NO_HEADERS } from '../packages/waybill/src/message/wire-message.ts'
import { CONTENT_TYPE, SOURCE, TRACEPARENT, TYPE } from './rabbitmq-raw.ts'
import type { Run } from './rabbitmq-run.ts'

const runtime = systemRuntime()

export class SeamClient {
  readonly #transport: Transport
  readonly #channel: Channel
  readonly #group: string

  private constructor(transport: Transport, name: string) {
    this.#transport = transport
    this.#channel = { kind: 'events', name, shards: 1 }
    this.#group = 'bench'
  }

  static async open(url: string, name: string): Promise<SeamClient> {
    const transport = await rabbitmq({ url })(runtime)
    await transport.connect(AbortSignal.timeout(10_000))
    return new SeamClient(transport, name)
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const transport = this.#transport
    const group = { channel: this.#channel, name: this.#group, types: [TYPE], ordered: false }
    let handled = 0
    const all = Promise.withResolvers<void>()
    const subscription = await transport.subscribe({ group, transient: false, prefetch: window }, (batch) => {
      subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
      if ((handled += batch.length) === messages) all.resolve()
    })
    let sent = 0
    let free = window
    let isDue = false
    const confirmed = async (part: readonly Outgoing[]): Promise<void> => {
      for (const each of await transport.send(part)) if (each.outcome !== 'accepted') all.reject(each.error)
      free += part.length
      if (!isDue) queueMicrotask(fill)
      isDue = true
    }
    const fill = (): void => {
      isDue = false
      const count = Math.min(free, messages - sent)
      if (count === 0) return
      free -= count
      sent += count
      const batch: Outgoing[] = Array.from({ length: count }, () => ({
        to: this.#channel,
        message: messageOf(body, 'event', undefined),
      }))
      // Batches as small as the confirms that made room for them, so that the window stays full.
      for (let at = 0; at < count; at += BATCH) {
        const part = batch.slice(at, at + BATCH)
        void confirmed(part)
      }
    }
    fill()
    await all.promise
    await subscription.close(1_000)
  }

  async close(): Promise<void> {
    await this.#transport.close(1_000)
  }
}

/** Most messages of one send: an eighth of the window, as when eight callers share it. */
const BATCH = 32

export function messageOf(body: Uint8Array, kind: MessageKind, replyTo: string | undefined): WireMessage {
  const id = runtime.newId()
  return {
    id,
    source: SOURCE,
    type: TYPE,
    kind,
    wireVersion: 1,
    time: runtime.now(),
    schemaVersion: 1,
    contentType: CONTENT_TYPE,
    replyTo,
    correlationId: id,
    causationId: undefined,
    expiresAt: undefined,
    key: undefined,
    sequence: undefined,
    traceparent: TRACEPARENT,
    tracestate: undefined,
    attempt: 1,
    headers: NO_HEADERS,
    body,
  }
}
