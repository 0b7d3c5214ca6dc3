// The two connections of a link, to one broker: they come together, and go together.
//
//   opening --both are open--> open --one is lost, the other is ended--> lost
//      |                         |
//      +--one fails: both end    +--close(), destroy()--> closed
//
// Under a memory or disk alarm a broker stops reading from a connection that publishes, acknowledgements included. Who
// consumes on another one goes on, and relieves it.
import type { Runtime } from '../../runtime/runtime.ts'
import type { BrokerAddress } from './broker-address.ts'
import { BrokerConnection, type ConnectionListener } from './broker-connection.ts'
import type { Driver } from './driver.ts'
import type { LinkOptions } from './rabbitmq-options.ts'
import { settledWithin } from '../../transport/settled-within.ts'

/** How long the other connection may take to end once its socket is destroyed: it does so in the next turn. */
const MAX_ENDING_MS = 1_000

export class ConnectionPair {
  /** Publishes, and nothing else. */
  readonly publishing: BrokerConnection
  /** Consumes, and declares: its exclusive queues are those that it consumes. */
  readonly consuming: BrokerConnection
  readonly #runtime: Runtime
  readonly #listener: ConnectionListener
  #isAsked = false
  #fault: Error | undefined

  private constructor(
    publishing: BrokerConnection,
    consuming: BrokerConnection,
    runtime: Runtime,
    listener: ConnectionListener,
  ) {
    this.publishing = publishing
    this.consuming = consuming
    this.#runtime = runtime
    this.#listener = listener
  }

  /**
   * Opens both at a time. When it rejects neither is left.
   *
   * @param signal ends the attempt, and nothing once it has resolved
   * @param listener told when one was lost and both have ended, and when the broker holds the publishing one back
   * @throws {WaybillError} WAYBILL_NOT_CONNECTED or WAYBILL_ACCESS_REFUSED, of the one that failed first; or the reason of
   *   the signal
   */
  static async open(
    driver: Driver,
    address: BrokerAddress,
    options: LinkOptions,
    runtime: Runtime,
    signal: AbortSignal,
    listener: ConnectionListener,
  ): Promise<ConnectionPair> {
    let pair: ConnectionPair | undefined
    let fault: { readonly error: unknown } | undefined
    const ending = new AbortController()
    const fail = (error: unknown): void => {
      fault ??= { error }
      ending.abort()
    }
    const abort = (): void => fail(signal.reason)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    const open = async (
      purpose: string,
      events: Omit<ConnectionListener, 'lost'>,
    ): Promise<BrokerConnection | undefined> => {
      const lost = (error: Error): void => (pair === undefined ? fail(error) : pair.#lost(error))
      try {
        return await BrokerConnection.open(driver, address, options, purpose, ending.signal, { ...events, lost })
      } catch (error) {
        fail(error)
        return undefined
      }
    }
    const [publishing, consuming] = await Promise.all([
      open('publishing', { blocked: (reason) => listener.blocked(reason), unblocked: () => listener.unblocked() }),
      open('consuming', { blocked: () => undefined, unblocked: () => undefined }),
    ])
    signal.removeEventListener('abort', abort)
    if (publishing !== undefined && consuming !== undefined && fault === undefined)
      return (pair = new ConnectionPair(publishing, consuming, runtime, listener))
    publishing?.abort()
    consuming?.abort()
    throw fault?.error
  }

  /** Why it was lost; `undefined` while it is open or when it was closed. */
  get fault(): Error | undefined {
    return this.#fault
  }

  /** Ends both without a goodbye. */
  destroy(): void {
    this.#isAsked = true
    this.publishing.abort()
    this.consuming.abort()
  }

  /** Says goodbye on both, and gives up on a peer that has not answered within `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.#isAsked = true
    await Promise.all([this.publishing, this.consuming].map((each) => each.close(deadlineMs, this.#runtime)))
  }

  #lost(fault: Error): void {
    if (this.#isAsked || this.#fault !== undefined) return
    this.#fault = fault
    // One of them has ended already.
    this.publishing.abort()
    this.consuming.abort()
    const ended = Promise.all([this.publishing.ended, this.consuming.ended])
    void settledWithin(MAX_ENDING_MS, ended, this.#runtime).then(() => {
      if (!this.#isAsked) this.#listener.lost(fault)
    })
  }
}
