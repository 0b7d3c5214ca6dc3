import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Deadlines } from '../../runtime/deadlines.ts'
import type { Channel } from '../../transport/channel.ts'
import type { Delivery, Transport } from '../../transport/transport.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Replies } from './replies.ts'
import { replyChannel } from './reply-channel.ts'

/** Replies are handed to their callers at once, so this bounds only what one turn brings. */
const PREFETCH = 1_000
/** A service of the bus's name has a durable reply channel of the same name: events are told apart by the group. */
const LABEL = 'requests'

interface Waiter {
  wake(): void
  fail(error: Error): void
}

/** Where the replies to this process's requests come: a transient subscription, made on first use. */
export class ReturnAddress {
  readonly #transport: Transport
  readonly #replies: Replies
  readonly #deadlines: Deadlines
  readonly #channel: Channel
  #address: string | undefined
  #subscribing: Promise<string> | undefined
  /** The subscription is gone for now: replies would find nobody, so requests wait. Each waiter has a deadline. */
  #lost = false
  readonly #waiters = new Set<Waiter>()
  #closed = false

  constructor(transport: Transport, replies: Replies, deadlines: Deadlines, name: string) {
    this.#transport = transport
    this.#replies = replies
    this.#deadlines = deadlines
    this.#channel = replyChannel(name)
  }

  /**
   * The address, as soon as replies can come there.
   *
   * @throws {WaybillError} `WAYBILL_NOT_CONNECTED` when that takes longer than `withinMs`, `WAYBILL_ABORTED`,
   *   `WAYBILL_CLOSED`
   */
  get(withinMs: number, signal?: AbortSignal): string | Promise<string> {
    if (this.#closed) return Promise.reject(closed())
    if (signal?.aborted === true) return Promise.reject(aborted(signal))
    if (this.#address !== undefined && !this.#lost) return this.#address
    return this.#within(withinMs, signal)
  }

  /** Tells those who still wait for the address that there will be none. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters) waiter.fail(closed())
  }

  onEvent(event: TransportEvent): void {
    if (!('channel' in event) || event.channel !== this.#channel.name || event.group !== LABEL) return
    if (event.type === 'gap') {
      const what = 'the link broke while the request was pending; it may have been handled'
      this.#replies.failAll(new WaybillError('WAYBILL_OUTCOME_UNKNOWN', what))
    } else if (event.type === 'subscription-lost') this.#lost = true
    else if (event.type === 'subscription-restored') {
      this.#lost = false
      for (const waiter of this.#waiters) waiter.wake()
    }
  }

  #within(ms: number, signal: AbortSignal | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiters.delete(waiter)
        deadline.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        wake: () => {
          if (this.#lost) return
          this.#subscribing ??= this.#subscribe().catch((error: unknown) => {
            // The next request tries again, whatever became of this one.
            this.#subscribing = undefined
            this.#lost = false
            throw error
          })
          this.#subscribing.then(
            (address) => {
              end()
              resolve(address)
            },
            (error: unknown) => waiter.fail(asError(error)),
          )
        },
        fail: (error) => {
          end()
          reject(error)
        },
      }
      const onAbort = (): void => waiter.fail(aborted(signal as AbortSignal)) // added below where there is a signal
      const deadline = this.#deadlines.add(ms, () => {
        const what = `replies cannot be received since the link is down; the request was not sent within ${ms} ms`
        waiter.fail(new WaybillError('WAYBILL_NOT_CONNECTED', what))
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
      waiter.wake()
    })
  }

  async #subscribe(): Promise<string> {
    const early: Delivery[] = []
    let take = (batch: readonly Delivery[]): void => void early.push(...batch)
    const subscription = await this.#transport.subscribe(
      {
        group: { channel: this.#channel, name: LABEL, ordered: false },
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
    if (subscription.address === undefined) {
      throw new WaybillError('WAYBILL_UNSUPPORTED', `${this.#transport.name} gave no return address`)
    }
    this.#address = subscription.address
    return subscription.address
  }
}

function closed(): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the bus was closed before the request was sent')
}

function aborted(signal: AbortSignal): WaybillError {
  return new WaybillError('WAYBILL_ABORTED', 'the request was aborted before it was sent', { cause: signal.reason })
}
