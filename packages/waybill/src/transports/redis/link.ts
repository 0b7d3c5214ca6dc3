// The link to the server: one pair of connections at a time, replaced when it is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import { Connection } from './connection.ts'
import type { Driver } from './driver.ts'
import type { RedisAddress } from './redis-address.ts'
import { connectError, connectErrors } from './redis-errors.ts'
import type { Settings } from './settings.ts'

/** More than a cluster has addresses to fail in ways of their own; beyond it reasons are told again. */
const MAX_REASONS = 32

export interface LinkListener {
  /** It is in use from now on, at connect and whenever the link has been taken up again. */
  up(): void
  down(error: Error): void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  trouble(error: Error): void
}

export class Link {
  readonly #runtime: Runtime
  readonly #settings: Settings
  readonly #listener: LinkListener
  #driver: Driver | undefined
  #state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed' = 'idle'
  #connection: Connection | undefined
  /** Settles, without an error, when the present try to connect has ended. */
  #trying: Promise<unknown> = Promise.resolve()
  /** Which address to try next, counted round and round: after a loss, the one behind the lost one. */
  #next = 0
  /** Tries since the link was lost; only the back-off reads it. */
  #tries = 0
  #timer: Timer | undefined
  readonly #reasons = new Set<string>()
  readonly #closing = new AbortController()

  constructor(runtime: Runtime, settings: Settings, listener: LinkListener) {
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
  get connection(): Connection {
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
    this.#connection?.destroy()
    let late: Timer | undefined
    await Promise.race([
      this.#trying,
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
      const address = addresses[this.#next % addresses.length] as RedisAddress // below length
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

  async #adopt(driver: Driver, address: RedisAddress, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    let fault: Error | undefined
    const connection: Connection = new Connection(driver, address, this.#settings, this.#runtime, (cause) => {
      fault ??= cause
      this.#lost(connection, lostError(address, cause))
    })
    const late = this.#runtime.setTimer(this.#settings.connectTimeoutMs, () => connection.destroy())
    try {
      await abortable(connection.open(), signal)
      signal.throwIfAborted()
      if (fault !== undefined) throw fault
    } catch (error) {
      connection.destroy()
      signal.throwIfAborted()
      throw connectError(address, isWaybillError(error) && fault === undefined ? error : (fault ?? error))
    } finally {
      late.cancel()
    }
    this.#connection = connection
    this.#state = 'up'
    this.#tries = 0
    this.#reasons.clear()
    this.#listener.up()
  }

  #lost(connection: Connection, error: Error): void {
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

function lostError(address: RedisAddress, cause: Error): WaybillError {
  return new WaybillError('WAYBILL_NOT_CONNECTED', `lost the link to ${address.text}: ${cause.message}`, { cause })
}

function closedError(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the Redis transport has been closed', { cause })
}
