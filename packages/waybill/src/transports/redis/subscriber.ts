import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Driver } from './driver.ts'
import { endOf } from './ending.ts'
import { Pings } from './pings.ts'
import { answerError } from './redis-errors.ts'

type Listener = (payload: Buffer) => void

/** What it uses of the client. */
export interface PubSubClient {
  connect(): Promise<unknown>
  destroy(): void
  sendCommand(args: readonly string[]): Promise<unknown>
  subscribe(channels: string[], listener: Listener, bufferMode: true): Promise<void>
  unsubscribe(channels: string[], listener: Listener, bufferMode: true): Promise<void>
  pSubscribe(pattern: string, listener: Listener, bufferMode: true): Promise<void>
  pUnsubscribe(pattern: string, listener: Listener, bufferMode: true): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'connect', listener: () => void): unknown
  readonly isOpen: boolean
}

/** Channels by their names, or all that a pattern has. */
export type Channels = readonly string[] | { readonly pattern: string }

/**
 * A connection on which the server publishes. It is apart from the others because the server ends it when its reader is too
 * slow (`client-output-buffer-limit pubsub`), and that is no reason to lose more than what was published.
 */
export class Subscriber {
  readonly #client: PubSubClient
  readonly #driver: Driver
  readonly #pings: Pings
  readonly #lost: (error: Error) => void
  readonly #endClient: () => void
  #ended = false

  /** @param lost is called once, when it ends otherwise than by `destroy` */
  constructor(
    client: PubSubClient,
    driver: Driver,
    pingIntervalMs: number,
    runtime: Runtime,
    lost: (error: Error) => void,
  ) {
    this.#client = client
    this.#driver = driver
    this.#lost = lost
    this.#pings = new Pings(runtime, pingIntervalMs, () => client.sendCommand(['PING']), (error) => this.#end(error)) // prettier-ignore
    this.#endClient = endOf(client)
    client.on('error', (error) => this.#end(error))
  }

  async open(): Promise<void> {
    await this.#client.connect()
    this.#pings.begin()
  }

  /**
   * Resolves when the server publishes to it.
   *
   * @throws {WaybillError} WAYBILL_ACCESS_REFUSED, WAYBILL_NOT_CONNECTED
   */
  async listen(channels: Channels, listener: Listener): Promise<void> {
    try {
      if ('pattern' in channels) await this.#client.pSubscribe(channels.pattern, listener, true)
      else await this.#client.subscribe([...channels], listener, true)
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof this.#driver.ErrorReply) throw answerError('SUBSCRIBE', error)
      throw new WaybillError('WAYBILL_NOT_CONNECTED', `the link broke: ${error.message}`, { cause: error })
    }
  }

  /** Nothing comes any more when it resolves. */
  async leave(channels: Channels, listener: Listener): Promise<void> {
    if (this.#ended) return
    // Where this fails the connection has gone, and its subscriptions with it.
    const left =
      'pattern' in channels
        ? this.#client.pUnsubscribe(channels.pattern, listener, true)
        : this.#client.unsubscribe([...channels], listener, true)
    await left.catch(() => undefined)
  }

  destroy(): void {
    this.#ended = true
    this.#pings.end()
    this.#endClient()
  }

  #end(error: Error): void {
    if (this.#ended) return
    this.destroy()
    this.#lost(error)
  }
}
