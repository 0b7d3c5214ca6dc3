// Reading events outside any group: those of the past, and then those that come.
import type { AnyStoredEvent, Out } from '../../contract/contract.ts'
import { decode } from '../../contract/decode.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Delivery, StartPosition, Subscription, Transport } from '../../transport/transport.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'

const PREFETCH = 256

export interface ReadOptions {
  /** Where to begin. Default `'earliest'`; `'now'` reads what comes. */
  readonly start?: StartPosition
  /** These shards alone. Default all. */
  readonly shards?: readonly number[]
  /** `'throw'` (default) ends the reading where an event cannot be read; `'skip'` passes it over. */
  readonly unreadable?: 'throw' | 'skip'
  /** Ends the reading. */
  readonly signal?: AbortSignal
}

/** An event as it was read. */
export interface ReadEvent<M extends AnyStoredEvent> {
  readonly body: Out<M>
  readonly id: string
  readonly key: string | undefined
  /** When it was made. */
  readonly time: Date
  readonly headers: Readonly<Record<string, string>>
  readonly shard: number
  /** Where it lies in its shard: `start: { positions: { [shard]: position } }` reads on behind it. */
  readonly position: string | undefined
}

/** A reading of whatever event, as the bus ends it. */
export type AnyReading = Pick<Reading<AnyStoredEvent>, 'end' | 'onEvent'>

/** One loop over the events of one type. The engine holds back what the loop has not taken. */
export class Reading<M extends AnyStoredEvent> {
  readonly #transport: Transport
  readonly #event: M
  readonly #options: ReadOptions
  readonly #label: string
  readonly #unread: Delivery[] = []
  #end: Error | undefined
  #wake: () => void = () => {}

  /** @param label names it among the groups of its channel */
  constructor(transport: Transport, event: M, options: ReadOptions, label: string) {
    this.#transport = transport
    this.#event = event
    this.#options = options
    this.#label = label
  }

  /** Ends the loop with an error, where it has not ended. */
  end(error: Error): void {
    this.#end ??= error
    this.#wake()
  }

  onEvent(event: TransportEvent): void {
    if (event.type !== 'gap' || event.channel !== this.#event.channel.name || event.group !== this.#label) return
    this.end(
      new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `reading ${this.#event.type} may have missed events`, {
        cure: 'Read again behind the last position that you have.',
      }),
    )
  }

  async *events(): AsyncGenerator<ReadEvent<M>, void, undefined> {
    const { signal } = this.#options
    const abort = (): void =>
      this.end(
        new WaybillError('WAYBILL_ABORTED', `reading ${this.#event.type} was aborted`, { cause: signal?.reason }),
      )
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
    let subscription: Subscription | undefined
    try {
      if (this.#end === undefined) subscription = await this.#subscribe()
      while (subscription !== undefined && this.#end === undefined) {
        const delivery = this.#unread.shift()
        if (delivery === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
        else {
          const event = await this.#read(delivery)
          if (event !== undefined) yield event
          subscription.settle([{ delivery, action: 'ack' }])
        }
      }
      if (this.#end !== undefined) throw this.#end
    } finally {
      signal?.removeEventListener('abort', abort)
      // What ended the loop tells more than what goes wrong behind it.
      await subscription?.close(0).catch(() => undefined)
    }
  }

  #subscribe(): Promise<Subscription> {
    const { start = 'earliest', shards } = this.#options
    const { channel, type } = this.#event
    const group = { channel, name: this.#label, types: [type], ordered: false }
    const from = { start, ...(shards === undefined ? {} : { shards }) }
    return this.#transport.subscribe({ group, transient: true, prefetch: PREFETCH, ...from }, (batch) => {
      this.#unread.push(...batch)
      this.#wake()
    })
  }

  async #read({ message, shard, position }: Delivery): Promise<ReadEvent<M> | undefined> {
    const { id, key, time, headers } = message
    try {
      const body = (await decode(this.#event, message)) as Out<M> // valid by its schema
      return { body, id, key, time: new Date(time), headers, shard, position }
    } catch (error) {
      if (this.#options.unreadable === 'skip' && isWaybillError(error)) return undefined
      throw error
    }
  }
}
