// The link to the server: one connection at a time, replaced when it is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
//
// The client has a recovery of its own, which is not used: it keeps what was published while the link was down and sends
// it later, after we have said that its outcome is unknown; it takes its clock and dice from the platform; and it revives
// requests for messages that nobody waits for any more. A connection of ours lives once.
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { Driver } from './driver.ts'
import type { NatsAddress } from './nats-address.ts'
import { connectError, connectErrors } from './nats-errors.ts'

/** More than a cluster has addresses to fail in ways of their own; beyond it reasons are told again. */
const MAX_REASONS = 32

export interface LinkListener {
  /** Makes a new connection ready for use. It must end when that does. */
  prepare(connection: NatsConnection): Promise<void>
  /** It is in use from now on, at connect and whenever the link has been taken up again. */
  up(): void
  down(error: Error): void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  trouble(error: Error): void
  /** The server says that something asynchronous went wrong, for instance a permission that is missing. */
  fault(error: Error): void
}

export interface LinkSettings {
  readonly addresses: readonly NatsAddress[]
  /** All but the server. */
  readonly optionsFor: (driver: Driver, address: NatsAddress) => NodeConnectionOptions
}

export class Link {
  readonly #runtime: Runtime
  readonly #settings: LinkSettings
  readonly #listener: LinkListener
  #driver: Driver | undefined
  #state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed' = 'idle'
  #connection: NatsConnection | undefined
  /** Settles, without an error, when the present try to connect has ended. */
  #trying: Promise<unknown> = Promise.resolve()
  /** Which address to try next, counted round and round: after a loss, the one behind the lost one. */
  #next = 0
  /** Tries since the link was lost; only the back-off reads it. */
  #tries = 0
  #timer: Timer | undefined
  readonly #reasons = new Set<string>()
  readonly #closing = new AbortController()

  constructor(runtime: Runtime, settings: LinkSettings, listener: LinkListener) {
    this.#runtime = runtime
    this.#settings = settings
    this.#listener = listener
  }

  /** Tries each address once. Resolves when up; afterwards the link is kept up, for ever, until `close`. */
  async connect(driver: Driver, signal: AbortSignal): Promise<void> {
    if (this.#isClosed()) throw closedError()
    this.#driver = driver
    this.#state = 'connecting'
    try {
      await this.#establish(driver, AbortSignal.any([signal, this.#closing.signal]))
    } catch (error) {
      if (this.#isClosed()) throw closedError(error)
      this.#state = 'idle'
      throw error
    }
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** @throws {WaybillError} WAYBILL_NOT_CONNECTED, or WAYBILL_CLOSED */
  get connection(): NatsConnection {
    if (this.#state === 'up' && this.#connection !== undefined) return this.#connection
    throw this.unavailable()
  }

  /** Why there is no link now. */
  unavailable(): WaybillError {
    const names = this.#settings.addresses.map((address) => address.text).join(', ')
    return this.#isClosed() ? closedError() : new WaybillError('WAYBILL_NOT_CONNECTED', `no link to ${names}`)
  }

  /** When it resolves no connection is left, also none that was just being made; at the latest after the deadline. */
  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#closing.abort()
    const connection = this.#connection
    let late: Timer | undefined
    await Promise.race([
      Promise.all([connection?.close().catch(() => undefined), this.#trying]),
      new Promise<void>((resolve) => (late = this.#runtime.setTimer(deadlineMs, resolve))),
    ])
    late?.cancel()
  }

  #establish(driver: Driver, signal: AbortSignal): Promise<void> {
    const trying = this.#tryEach(driver, signal)
    this.#trying = trying.catch(() => undefined)
    return trying
  }

  async #tryEach(driver: Driver, signal: AbortSignal): Promise<void> {
    const { addresses } = this.#settings
    const failures: unknown[] = []
    while (failures.length < addresses.length) {
      const address = addresses[this.#next % addresses.length] as NatsAddress // below length
      try {
        return await this.#adopt(driver, address, signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#next++
        failures.push(error)
      }
    }
    throw connectErrors(failures)
  }

  async #adopt(driver: Driver, address: NatsAddress, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const connecting = driver.nats.connect(this.#settings.optionsFor(driver, address))
    let connection: NatsConnection
    try {
      connection = await abortable(connecting, signal)
    } catch (error) {
      // It may still come up; nobody wants it then.
      connecting.then(
        (late) => void late.close(),
        () => undefined,
      )
      signal.throwIfAborted()
      throw connectError(address, error)
    }
    let fault: Error | undefined
    const lost = (error: Error): void => {
      fault = error
      this.#lost(connection, error)
    }
    void connection.closed().then((error) => lost(lostError(address, error)))
    void this.#listen(connection)
    this.#connection = connection
    try {
      await abortable(this.#listener.prepare(connection), signal)
      signal.throwIfAborted()
      if (fault !== undefined) throw fault
    } catch (error) {
      void connection.close().catch(() => undefined)
      throw fault ?? error
    }
    this.#state = 'up'
    this.#tries = 0
    this.#reasons.clear()
    this.#listener.up()
  }

  /** What the client tells of itself; only errors of the server are news here. */
  async #listen(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) if (status.type === 'error') this.#listener.fault(status.error)
  }

  #lost(connection: NatsConnection, error: Error): void {
    // While it was being prepared, that has failed.
    if (this.#state !== 'up' || connection !== this.#connection) return
    this.#next++
    this.#state = 'waiting'
    this.#listener.down(error)
    // The listener may have closed the link.
    if (!this.#isClosed()) this.#wait()
  }

  #wait(): void {
    this.#state = 'waiting'
    const waitMs = backOffMs(this.#tries++, this.#runtime)
    this.#timer = this.#runtime.setTimer(waitMs, () => void this.#reconnect())
  }

  async #reconnect(): Promise<void> {
    this.#state = 'connecting'
    try {
      await this.#establish(this.#driver as Driver, this.#closing.signal) // set by connect
    } catch (reason) {
      if (this.#isClosed()) return
      const error = asError(reason)
      const text = `${isWaybillError(error) ? error.code : error.name} ${error.message}`
      if (this.#reasons.size >= MAX_REASONS) this.#reasons.clear()
      if (!this.#reasons.has(text)) this.#listener.trouble(error)
      this.#reasons.add(text)
      this.#wait()
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }
}

/** Does not wait for who does not listen to the signal. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function lostError(address: NatsAddress, cause: void | Error): WaybillError {
  const why = cause instanceof Error ? cause.message : 'the server closed the connection'
  return new WaybillError('WAYBILL_NOT_CONNECTED', `lost the link to ${address.text}: ${why}`, { cause })
}

function closedError(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the NATS transport has been closed', { cause })
}
