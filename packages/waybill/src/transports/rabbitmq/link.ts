// The link to the broker: one connection at a time, replaced when it is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
//
// amqplib 2 has a recovery of its own, which is not used: it knows one address, takes its clock and dice from the
// platform, does not tell a refused login from a broker that is away, lets nobody prepare a connection before the first
// user gets it together with the closing of a stalled one, and leaves a stalled socket open.
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../amqp/back-off.ts'
import { connectErrors } from './amqp-errors.ts'
import { BrokerConnection } from './broker-connection.ts'
import type { BrokerAddress } from './broker-address.ts'
import type { Driver } from './driver.ts'
import type { RabbitmqOptions } from './rabbitmq-options.ts'

export interface LinkListener {
  /** Makes a new connection ready for use; the link is up once it resolves. */
  prepare(connection: BrokerConnection): Promise<void>
  up(): void
  down(error: Error): void
  blocked(reason: string): void
  unblocked(): void
}

export class Link {
  readonly #runtime: Runtime
  readonly #addresses: readonly BrokerAddress[]
  readonly #options: RabbitmqOptions
  readonly #listener: LinkListener
  #driver: Driver | undefined
  #state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed' = 'idle'
  #connection: BrokerConnection | undefined
  /** The address to try next: after a loss, the one behind the lost one. */
  #next = 0
  /** Tries since the link was lost; only the back-off reads it. */
  #tries = 0
  #timer: Timer | undefined
  #isBlocked = false
  readonly #closing = new AbortController()

  constructor(runtime: Runtime, addresses: readonly BrokerAddress[], options: RabbitmqOptions, listener: LinkListener) {
    this.#runtime = runtime
    this.#addresses = addresses
    this.#options = options
    this.#listener = listener
  }

  /** Tries each address once. Resolves when up; afterwards the link is kept up, for ever, until `close`. */
  async connect(driver: Driver, signal: AbortSignal): Promise<BrokerConnection> {
    this.#driver = driver
    this.#state = 'connecting'
    try {
      return await this.#establish(driver, AbortSignal.any([signal, this.#closing.signal]))
    } catch (error) {
      if (this.#isClosed()) throw closedError(error)
      this.#state = 'idle'
      throw error
    }
  }

  /** @throws {WaybillError} WAYBILL_NOT_CONNECTED, or WAYBILL_CLOSED */
  get connection(): BrokerConnection {
    if (this.#state === 'up' && this.#connection !== undefined) return this.#connection
    throw this.unavailable()
  }

  /** Why there is no connection now. */
  unavailable(): WaybillError {
    return this.#isClosed() ? closedError() : new WaybillError('WAYBILL_NOT_CONNECTED', `no link to ${this.#names()}`)
  }

  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#closing.abort()
    await this.#connection?.close(deadlineMs, this.#runtime)
  }

  async #establish(driver: Driver, signal: AbortSignal): Promise<BrokerConnection> {
    const failures: unknown[] = []
    for (let tried = 0; tried < this.#addresses.length; tried++) {
      const address = this.#addresses[this.#next] as BrokerAddress // kept below length
      try {
        return await this.#adopt(driver, address, signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#next = (this.#next + 1) % this.#addresses.length
        failures.push(error)
      }
    }
    throw connectErrors(failures)
  }

  async #adopt(driver: Driver, address: BrokerAddress, signal: AbortSignal): Promise<BrokerConnection> {
    const connection: BrokerConnection = await BrokerConnection.open(driver, address, this.#options, signal, {
      lost: (error) => this.#lost(connection, error),
      blocked: (reason) => {
        this.#isBlocked = true
        this.#listener.blocked(reason)
      },
      unblocked: () => this.#unblocked(),
    })
    this.#connection = connection
    try {
      await this.#listener.prepare(connection)
      signal.throwIfAborted()
    } catch (error) {
      await connection.close(0, this.#runtime)
      throw error
    }
    this.#state = 'up'
    this.#tries = 0
    return connection
  }

  #lost(connection: BrokerConnection, error: Error): void {
    // While it was being prepared, `prepare` fails of itself.
    if (this.#state !== 'up' || connection !== this.#connection) return
    this.#next = (this.#next + 1) % this.#addresses.length
    // It was said of that connection; the next one is told for itself.
    this.#unblocked()
    this.#listener.down(error)
    // The listener may have closed the link.
    if (!this.#isClosed()) this.#wait()
  }

  #wait(): void {
    this.#state = 'waiting'
    this.#timer = this.#runtime.setTimer(backOffMs(this.#tries++, this.#runtime), () => void this.#reconnect())
  }

  async #reconnect(): Promise<void> {
    this.#state = 'connecting'
    try {
      await this.#establish(this.#driver as Driver, this.#closing.signal) // set by connect
    } catch {
      // Still away, or refused for now: `down` has said so already, and the next try follows.
      if (!this.#isClosed()) this.#wait()
      return
    }
    this.#listener.up()
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
    return this.#addresses.map((address) => address.text).join(', ')
  }
}

function closedError(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the RabbitMQ transport has been closed', { cause })
}
