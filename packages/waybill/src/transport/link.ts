// The link to an engine: one connection at a time, replaced when it is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
//
// Clients have a recovery of their own, which is not used: it knows nothing of what we have called unknown, and sends it
// again; it takes its clock and dice from the platform. A connection lives once.
import { asError } from '../message/as-error.ts'
import { WaybillError } from '../message/errors.ts'
import type { Runtime, Timer } from '../runtime/runtime.ts'
import { abortable } from './abortable.ts'
import { backOffMs, type BackOff } from './back-off.ts'
import { closedError, connectErrors, lostError } from './link-errors.ts'
import { Reasons } from './reasons.ts'
import { settledWithin } from './settled-within.ts'

/** What an engine calls a connection; it may be several that come and go together. */
export interface LinkConnection {
  /** Says goodbye, and ends. Where there is nothing to say, it is destroyed. */
  close?(deadlineMs: number): Promise<void>
  /** Ends what is left of it, at once. May be called again. */
  destroy(): void
}

/** `text` is for people: it has neither user nor password. */
export interface LinkAddress {
  readonly text: string
}

/**
 * Opens a connection, ready for use. Rejects when it cannot, or `signal` aborts, and leaves nothing behind then.
 *
 * @param lost to be called when the connection ends by itself, be it before it is ready
 */
export type OpenConnection<Address, Connection> = (
  address: Address,
  signal: AbortSignal,
  lost: (cause: Error) => void,
) => Promise<Connection>

export interface LinkSettings<Address> {
  /** What people call the engine: `Redis`. */
  readonly title: string
  /**
   * Asked at connect, and before each try to take a lost link up again; they are tried in turn. A rejection counts as a
   * failed try; at connect it is the reason given.
   */
  readonly addresses: (signal: AbortSignal) => Promise<readonly Address[]>
  /** Between tries to take a lost link up again. Default: from 0.1 to 5 seconds. */
  readonly backOff?: BackOff | undefined
}

export interface LinkEvents<Connection> {
  /** It is in use from now on, at connect and whenever the link has been taken up again. */
  up(connection: Connection): void
  /** It is no more. */
  down(error: Error, connection: Connection): void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  trouble(error: Error): void
}

type State<Connection> =
  | { readonly is: 'idle' | 'connecting' | 'closed' }
  | { readonly is: 'up'; readonly connection: Connection }
  | { readonly is: 'waiting'; readonly timer: Timer }

export class Link<Address extends LinkAddress, Connection extends LinkConnection> {
  readonly #runtime: Runtime
  readonly #settings: LinkSettings<Address>
  readonly #events: LinkEvents<Connection>
  readonly #reasons = new Reasons()
  readonly #closing = new AbortController()
  #state: State<Connection> = { is: 'idle' }
  /** As last asked for. */
  #addresses: readonly Address[] = []
  /** Which address to try next, counted round and round: after a loss, the one behind the lost one. */
  #next = 0
  /** Tries since the link was lost; only the back-off reads it. */
  #tries = 0
  /** Settles, without an error, when the present try to connect has ended. */
  #trying: Promise<unknown> = Promise.resolve()

  constructor(runtime: Runtime, settings: LinkSettings<Address>, events: LinkEvents<Connection>) {
    this.#runtime = runtime
    this.#settings = settings
    this.#events = events
  }

  /**
   * Tries each address once. Resolves when up; afterwards the link is kept up, for ever, until `close`.
   *
   * @param open makes this connection, and those that replace it
   */
  async connect(open: OpenConnection<Address, Connection>, signal: AbortSignal): Promise<Connection> {
    if (this.#isClosed()) throw this.unavailable()
    this.#state = { is: 'connecting' }
    try {
      return await this.#establish(open, AbortSignal.any([signal, this.#closing.signal]))
    } catch (error) {
      if (this.#isClosed()) throw closedError(this.#settings.title, error)
      this.#state = { is: 'idle' }
      throw error
    }
  }

  get isUp(): boolean {
    return this.#state.is === 'up'
  }

  /** @throws {WaybillError} WAYBILL_NOT_CONNECTED, or WAYBILL_CLOSED */
  get connection(): Connection {
    if (this.#state.is === 'up') return this.#state.connection
    throw this.unavailable()
  }

  /** Why there is no link now. */
  unavailable(): WaybillError {
    const { title } = this.#settings
    if (this.#isClosed()) return closedError(title)
    const names = this.#addresses.map(({ text }) => text).join(', ')
    return new WaybillError('WAYBILL_NOT_CONNECTED', `no link to ${names || title}`)
  }

  /** When it resolves no connection is left, also none that was just being made; at the latest after the deadline. */
  async close(deadlineMs: number): Promise<void> {
    const state = this.#state
    this.#state = { is: 'closed' }
    this.#closing.abort()
    if (state.is === 'waiting') state.timer.cancel()
    const connection = state.is === 'up' ? state.connection : undefined
    const goodbye = connection?.close?.(deadlineMs) ?? connection?.destroy()
    await settledWithin(deadlineMs, Promise.all([goodbye, this.#trying]), this.#runtime)
    connection?.destroy()
  }

  #establish(open: OpenConnection<Address, Connection>, signal: AbortSignal): Promise<Connection> {
    const trying = this.#tryEach(open, signal)
    this.#trying = trying.catch(() => undefined)
    return trying
  }

  async #tryEach(open: OpenConnection<Address, Connection>, signal: AbortSignal): Promise<Connection> {
    const addresses = await abortable(this.#settings.addresses(signal), signal)
    this.#addresses = addresses
    const failures: Error[] = []
    while (failures.length < addresses.length) {
      const address = addresses[this.#next % addresses.length] as Address // below length
      try {
        return await this.#adopt(open, address, signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#next++
        failures.push(asError(error))
      }
    }
    throw connectErrors(failures)
  }

  async #adopt(open: OpenConnection<Address, Connection>, address: Address, signal: AbortSignal): Promise<Connection> {
    let fault: Error | undefined
    let adopted: Connection | undefined
    const opened = await open(address, signal, (cause) => {
      fault ??= lostError(address.text, cause)
      if (adopted !== undefined) this.#lost(open, adopted, fault)
    })
    if (signal.aborted || fault !== undefined) opened.destroy()
    signal.throwIfAborted()
    if (fault !== undefined) throw fault
    adopted = opened
    this.#state = { is: 'up', connection: opened }
    this.#tries = 0
    this.#reasons.clear()
    this.#events.up(opened)
    return opened
  }

  #lost(open: OpenConnection<Address, Connection>, connection: Connection, error: Error): void {
    connection.destroy()
    if (this.#state.is !== 'up' || this.#state.connection !== connection) return
    this.#next++
    this.#wait(open)
    this.#events.down(error, connection)
  }

  #wait(open: OpenConnection<Address, Connection>): void {
    const waitMs = backOffMs(this.#tries++, this.#runtime, this.#settings.backOff)
    this.#state = { is: 'waiting', timer: this.#runtime.setTimer(waitMs, () => void this.#reconnect(open)) }
  }

  async #reconnect(open: OpenConnection<Address, Connection>): Promise<void> {
    this.#state = { is: 'connecting' }
    try {
      await this.#establish(open, this.#closing.signal)
    } catch (reason) {
      const error = asError(reason)
      if (!this.#isClosed() && this.#reasons.isNew(error)) this.#events.trouble(error)
      // Who is told may have closed it.
      if (!this.#isClosed()) this.#wait(open)
    }
  }

  #isClosed(): boolean {
    return this.#state.is === 'closed'
  }
}
