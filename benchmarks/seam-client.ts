// A transport, used through the seam as the bus uses it: what is sent in one turn goes as one batch.
import type { Channel, Group, Outgoing, Transport, TransportFactory } from 'waybill/transport'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { messageOf, TYPE } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'

export class SeamClient implements Runner {
  readonly #transport: Transport
  readonly #channel: Channel
  readonly #group: Group

  private constructor(transport: Transport, channel: Channel) {
    this.#transport = transport
    this.#channel = channel
    this.#group = { channel, name: 'bench', types: [TYPE], ordered: false }
  }

  static async open(
    factory: TransportFactory,
    name: string,
    kind: 'events' | 'survey' = 'events',
  ): Promise<SeamClient> {
    const transport = await factory(systemRuntime())
    await transport.connect(AbortSignal.timeout(10_000))
    return new SeamClient(transport, { kind, name, shards: 1 })
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const transport = this.#transport
    let handled = 0
    const all = Promise.withResolvers<void>()
    const subscription = await transport.subscribe(
      { group: this.#group, transient: false, prefetch: window },
      (batch) => {
        subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
        if ((handled += batch.length) === messages) all.resolve()
      },
    )
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
        message: messageOf(body, this.#channel.kind === 'survey' ? 'survey' : 'event', undefined),
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
export const BATCH = 32
