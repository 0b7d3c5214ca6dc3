// Asks one consumer for messages: requests with a number and an end, which the server answers with so many messages, and
// with a status when it ends a request before that.
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { NANOS, type Api } from './api.ts'

/** How long a request stays with the server; then it is made anew. */
const REQUEST_MS = 30_000
/** How often the server says that it still has the request. */
const HEARTBEAT_MS = 2_000
/** Silent for so long although asked: whatever the link says, nothing will come. */
const SILENT_MS: number = HEARTBEAT_MS * 3

export interface PullerEvents {
  message(message: Msg): void
  /** Requests have ended: there is room to ask again. */
  freed(): void
  /** The consumer is gone, or no longer answers. */
  lost(error: Error): void
}

export interface PullTarget {
  readonly stream: string
  readonly consumer: string
}

export class Puller {
  readonly #connection: NatsConnection
  readonly #runtime: Runtime
  readonly #events: PullerEvents
  readonly target: PullTarget
  readonly #inbox: string
  readonly #subscription: Subscription
  #asked = 0
  #heardAt: number
  #timer: Timer | undefined
  #ended = false

  constructor(connection: NatsConnection, inbox: string, target: PullTarget, runtime: Runtime, events: PullerEvents) {
    this.#connection = connection
    this.#runtime = runtime
    this.#events = events
    this.target = target
    this.#inbox = inbox
    this.#heardAt = runtime.monotonic()
    this.#subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) this.#heard(message)
        else this.#lose(error)
      },
    })
  }

  /** Messages asked for that have not come. */
  get asked(): number {
    return this.#asked
  }

  pull(count: number): void {
    if (this.#ended || count <= 0) return
    const request = { batch: count, expires: REQUEST_MS * NANOS, idle_heartbeat: HEARTBEAT_MS * NANOS }
    if (this.#asked === 0) this.#heardAt = this.#runtime.monotonic()
    this.#asked += count
    this.#connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${this.target.stream}.${this.target.consumer}`,
      JSON.stringify(request),
      { reply: this.#inbox },
    )
    this.#timer ??= this.#runtime.setTimer(HEARTBEAT_MS, () => this.#look())
  }

  /**
   * Takes the requests back. What is on its way still comes before it resolves.
   *
   * The server forgets the requests of who listens no more when it next looks at them. Asked about the consumer, it does:
   * one that finds no other when it hands something out again mislays that message until `ack_wait` (seen on 2.9.10).
   */
  async drain(api: Api): Promise<void> {
    this.#timer?.cancel()
    this.#ended = true
    await this.#subscription.drain()
    await api.consumer(this.target.stream, this.target.consumer)
  }

  /** The link is gone, or nothing more is wanted of it. */
  end(): void {
    this.#timer?.cancel()
    this.#ended = true
    if (!this.#connection.isClosed()) this.#subscription.unsubscribe()
  }

  #heard(message: Msg): void {
    this.#heardAt = this.#runtime.monotonic()
    // What a server's status has, and a message of a stream cannot: no place to settle it.
    const { headers } = message
    if (headers === undefined || headers.code === 0 || message.reply !== '') {
      this.#asked = Math.max(0, this.#asked - 1)
      return this.#events.message(message)
    }
    if (headers.code === 100) return
    if (headers.code === 503) return this.#lose(this.#gone('does not exist'))
    if (headers.code === 409 && /deleted|push based/i.test(headers.description))
      return this.#lose(this.#gone(headers.description))
    // The end of one request: time-out, too many of them, or the like.
    const left = Number(headers.get('Nats-Pending-Messages'))
    this.#asked = Math.max(0, this.#asked - (Number.isSafeInteger(left) ? left : 0))
    if (!this.#ended) this.#events.freed()
  }

  #look(): void {
    this.#timer = undefined
    if (this.#ended || this.#asked === 0) return
    this.#timer = this.#runtime.setTimer(HEARTBEAT_MS, () => this.#look())
    // What has come while this process was busy is read first.
    if (this.#isSilent) this.#runtime.defer(() => void (this.#isSilent && this.#lose(this.#gone('no longer answers'))))
  }

  get #isSilent(): boolean {
    return this.#asked > 0 && this.#runtime.monotonic() - this.#heardAt > SILENT_MS
  }

  #lose(error: Error): void {
    if (this.#ended) return
    this.end()
    this.#events.lost(error)
  }

  #gone(how: string): WaybillError {
    const { stream, consumer } = this.target
    return new WaybillError('WAYBILL_SUBSCRIPTION_LOST', `consumer ${consumer} of stream ${stream}: ${how}`)
  }
}
