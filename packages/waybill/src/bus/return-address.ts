import { WaybillError } from '../message/errors.ts'
import type { Channel } from '../transport/channel.ts'
import type { Delivery, Transport } from '../transport/transport.ts'
import type { Replies } from './replies.ts'

/** Replies are handed to their callers at once, so this bounds only what one turn brings. */
const PREFETCH = 1_000

/** Where the replies to this process's requests come: a transient subscription, made on first use. */
export class ReturnAddress {
  readonly #transport: Transport
  readonly #replies: Replies
  readonly #channel: Channel
  #address: string | undefined
  #subscribing: Promise<string> | undefined

  constructor(transport: Transport, replies: Replies, name: string) {
    this.#transport = transport
    this.#replies = replies
    this.#channel = { kind: 'reply', name, shards: 1 }
  }

  get(): string | Promise<string> {
    if (this.#address !== undefined) return this.#address
    this.#subscribing ??= this.#subscribe().catch((error: unknown) => {
      this.#subscribing = undefined // the next request tries again
      throw error
    })
    return this.#subscribing
  }

  /** A reconnect may have swallowed replies: who waits is told. */
  onGap(channel: string): void {
    if (channel !== this.#channel.name || this.#address === undefined) return
    this.#replies.failAll(
      new WaybillError(
        'WAYBILL_OUTCOME_UNKNOWN',
        'the link broke while the request was pending; it may have been handled',
      ),
    )
  }

  async #subscribe(): Promise<string> {
    const early: Delivery[] = []
    let take = (batch: readonly Delivery[]): void => void early.push(...batch)
    const subscription = await this.#transport.subscribe(
      {
        group: { channel: this.#channel, name: this.#channel.name, ordered: false },
        transient: true,
        prefetch: PREFETCH,
      },
      (batch) => take(batch),
    )
    take = (batch) => {
      for (const { message } of batch) this.#replies.dispatch(message) // a late reply has nobody left to tell
      subscription.settle(batch.map((delivery) => ({ delivery, action: 'ack' })))
    }
    take(early)
    if (subscription.address === undefined)
      throw new WaybillError('WAYBILL_UNSUPPORTED', `${this.#transport.name} gave no return address`)
    this.#address = subscription.address
    return subscription.address
  }
}
