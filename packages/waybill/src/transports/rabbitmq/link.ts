// The link to the broker: one pair of connections at a time, replaced when it is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
//
// amqplib 2 has a recovery of its own, which is not used: it knows one address, takes its clock and dice from the
// platform, does not tell a refused login from a broker that is away, does not know that two connections belong together,
// and leaves a stalled socket open.
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs, type BackOff } from '../../transport/back-off.ts'
import { connectErrors } from './amqp-errors.ts'
import type { BrokerAddress, BrokerAddresses } from './broker-address.ts'
import { ConnectionPair } from './connection-pair.ts'
import type { Driver } from './driver.ts'
import type { LinkOptions } from './rabbitmq-options.ts'
import { Reasons } from '../../transport/reasons.ts'
import { settledWithin } from '../../transport/settled-within.ts'

export interface LinkSettings {
  readonly addresses: BrokerAddresses
  readonly options: LinkOptions
  /** Between tries to take a lost link up again. Default: from 0.1 to 5 seconds. */
  readonly backOff?: BackOff | undefined
}

export interface LinkListener {
  /** Makes new connections ready for use. It must end when they do. */
  prepare(pair: ConnectionPair): Promise<void>
  /** They are in use from now on, at connect and whenever the link has been taken up again. */
  up(): void
  down(error: Error): void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  trouble(error: Error): void
  blocked(reason: string): void
  unblocked(): void
}

export class Link {
  readonly #runtime: Runtime
  readonly #settings: LinkSettings
  readonly #listener: LinkListener
  /** As last asked for. */
  #addresses: readonly BrokerAddress[] = []
  #driver: Driver | undefined
  #state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed' = 'idle'
  #pair: ConnectionPair | undefined
  /** Settles, without an error, when the present try to connect has ended. */
  #trying: Promise<unknown> = Promise.resolve()
  /** Which address to try next, counted round and round: after a loss, the one behind the lost one. */
  #next = 0
  /** Tries since the link was lost; only the back-off reads it. */
  #tries = 0
  #timer: Timer | undefined
  readonly #reasons = new Reasons()
  #isBlocked = false
  readonly #closing = new AbortController()

  constructor(runtime: Runtime, settings: LinkSettings, listener: LinkListener) {
    this.#runtime = runtime
    this.#settings = settings
    this.#listener = listener
  }

  /** Asks for the addresses, and tries each once. Resolves when up; afterwards the link is kept up, for ever, until `close`. */
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

  /** @throws {WaybillError} WAYBILL_NOT_CONNECTED, or WAYBILL_CLOSED */
  get pair(): ConnectionPair {
    if (this.#state === 'up' && this.#pair !== undefined) return this.#pair
    throw this.unavailable()
  }

  /** Why there is no link now. */
  unavailable(): WaybillError {
    return this.#isClosed() ? closedError() : new WaybillError('WAYBILL_NOT_CONNECTED', `no link to ${this.#names()}`)
  }

  /** When it resolves no connection is left, also none that was just being made. */
  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#closing.abort()
    await Promise.all([this.#pair?.close(deadlineMs), settledWithin(deadlineMs, this.#trying, this.#runtime)])
  }

  #establish(driver: Driver, signal: AbortSignal): Promise<void> {
    const trying = this.#tryEach(driver, signal)
    this.#trying = trying.catch(() => undefined)
    return trying
  }

  async #tryEach(driver: Driver, signal: AbortSignal): Promise<void> {
    const addresses = await abortable(this.#settings.addresses(signal), signal)
    this.#addresses = addresses
    const failures: unknown[] = []
    while (failures.length < addresses.length) {
      const address = addresses[this.#next % addresses.length] as BrokerAddress // below length
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

  async #adopt(driver: Driver, address: BrokerAddress, signal: AbortSignal): Promise<void> {
    const pair: ConnectionPair = await ConnectionPair.open(
      driver,
      address,
      this.#settings.options,
      this.#runtime,
      signal,
      {
        lost: (error) => this.#lost(pair, error),
        blocked: (reason) => {
          this.#isBlocked = true
          this.#listener.blocked(reason)
        },
        unblocked: () => this.#unblocked(),
      },
    )
    this.#pair = pair
    const abort = (): void => pair.abort()
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      await this.#listener.prepare(pair)
      signal.throwIfAborted()
      if (pair.fault !== undefined) throw pair.fault
    } catch (error) {
      pair.abort()
      this.#unblocked()
      throw pair.fault ?? error
    } finally {
      signal.removeEventListener('abort', abort)
    }
    this.#state = 'up'
    this.#tries = 0
    this.#reasons.clear()
    this.#listener.up()
  }

  #lost(pair: ConnectionPair, error: Error): void {
    // While it was being prepared, that has failed.
    if (this.#state !== 'up' || pair !== this.#pair) return
    this.#next++
    // It was said of that connection; the next one is told for itself.
    this.#unblocked()
    this.#listener.down(error)
    // The listener may have closed the link.
    if (!this.#isClosed()) this.#wait()
  }

  #wait(): void {
    this.#state = 'waiting'
    const waitMs = backOffMs(this.#tries++, this.#runtime, this.#settings.backOff)
    this.#timer = this.#runtime.setTimer(waitMs, () => void this.#reconnect())
  }

  async #reconnect(): Promise<void> {
    this.#state = 'connecting'
    try {
      await this.#establish(this.#driver as Driver, this.#closing.signal) // set by connect
    } catch (reason) {
      const error = asError(reason)
      if (!this.#isClosed() && this.#reasons.isNew(error)) this.#listener.trouble(error)
      if (!this.#isClosed()) this.#wait()
    }
  }

  #unblocked(): void {
    if (!this.#isBlocked) return
    this.#isBlocked = false
    this.#listener.unblocked()
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #names(): string {
    return this.#addresses.map((address) => address.text).join(', ') || 'the broker'
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

function closedError(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the RabbitMQ transport has been closed', { cause })
}
