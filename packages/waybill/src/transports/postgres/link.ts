// The link to the server: one set of connections at a time, replaced when one of them is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import type { PostgresAddress } from './postgres-address.ts'
import { connectError, connectErrors } from './postgres-errors.ts'
import type { Wire } from './wire.ts'

/** More than a cluster has addresses to fail in ways of their own; beyond it reasons are told again. */
const MAX_REASONS = 32

export interface LinkEvents {
  /** It is in use from now on, at connect and whenever the link has been taken up again. */
  up(wire: Wire): void
  down(error: Error): void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  trouble(error: Error): void
}

/** Opens connections that call `lost` once when one of them ends by itself; ends them when `signal` aborts meanwhile. */
type Open = (address: PostgresAddress, signal: AbortSignal, lost: (error: Error) => void) => Promise<Wire>

export class Link {
  readonly #runtime: Runtime
  readonly #addresses: readonly PostgresAddress[]
  readonly #open: Open
  readonly #events: LinkEvents
  #state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed' = 'idle'
  #wire: Wire | undefined
  /** Settles, without an error, when the present try to connect has ended. */
  #trying: Promise<unknown> = Promise.resolve()
  /** Which address to try next, counted round and round: after a loss, the one behind the lost one. */
  #next = 0
  /** Tries since the link was lost; only the back-off reads it. */
  #tries = 0
  #timer: Timer | undefined
  readonly #reasons = new Set<string>()
  readonly #closing = new AbortController()

  constructor(runtime: Runtime, addresses: readonly PostgresAddress[], open: Open, events: LinkEvents) {
    this.#runtime = runtime
    this.#addresses = addresses
    this.#open = open
    this.#events = events
  }

  /** Tries each address once. Resolves when up; afterwards the link is kept up, for ever, until `close`. */
  async connect(signal: AbortSignal): Promise<Wire> {
    if (this.#isClosed()) throw closedError()
    this.#state = 'connecting'
    try {
      return await this.#establish(AbortSignal.any([signal, this.#closing.signal]))
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
  get wire(): Wire {
    if (this.#state === 'up' && this.#wire !== undefined) return this.#wire
    if (this.#isClosed()) throw closedError()
    const names = this.#addresses.map((address) => address.text).join(', ')
    throw new WaybillError('WAYBILL_NOT_CONNECTED', `no link to ${names}`)
  }

  /** When it resolves no connection is left, also none that was just being made; at the latest after the deadline. */
  async close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#closing.abort()
    let late: Timer | undefined
    await Promise.race([
      Promise.all([this.#wire?.close(), this.#trying]),
      new Promise<void>((resolve) => (late = this.#runtime.setTimer(deadlineMs, resolve))),
    ])
    late?.cancel()
    this.#wire?.destroy()
  }

  #establish(signal: AbortSignal): Promise<Wire> {
    const trying = this.#tryEach(signal)
    this.#trying = trying.catch(() => undefined)
    return trying
  }

  async #tryEach(signal: AbortSignal): Promise<Wire> {
    const failures: unknown[] = []
    while (failures.length < this.#addresses.length) {
      const address = this.#addresses[this.#next % this.#addresses.length] as PostgresAddress // below length
      try {
        return await this.#adopt(address, signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#next++
        failures.push(connectError(address, error))
      }
    }
    throw connectErrors(failures)
  }

  async #adopt(address: PostgresAddress, signal: AbortSignal): Promise<Wire> {
    signal.throwIfAborted()
    let fault: Error | undefined
    let wire: Wire | undefined
    const opened = await this.#open(address, signal, (cause) => {
      const what = `lost the link to ${address.text}: ${cause.message}`
      fault = new WaybillError('WAYBILL_NOT_CONNECTED', what, { cause })
      if (wire !== undefined) this.#lost(wire, fault)
    })
    if (fault !== undefined || signal.aborted) {
      opened.destroy()
      signal.throwIfAborted()
      throw fault ?? closedError()
    }
    wire = opened
    this.#wire = opened
    this.#state = 'up'
    this.#tries = 0
    this.#reasons.clear()
    this.#events.up(opened)
    return opened
  }

  #lost(wire: Wire, error: Error): void {
    wire.destroy()
    if (this.#state !== 'up' || wire !== this.#wire) return
    this.#next++
    this.#state = 'waiting'
    this.#events.down(error)
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
      await this.#establish(this.#closing.signal)
    } catch (reason) {
      if (this.#isClosed()) return
      const error = asError(reason)
      const text = `${isWaybillError(error) ? error.code : error.name} ${error.message}`
      if (this.#reasons.size >= MAX_REASONS) this.#reasons.clear()
      if (!this.#reasons.has(text)) this.#events.trouble(error)
      this.#reasons.add(text)
      this.#wait()
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }
}

function closedError(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the PostgreSQL transport has been closed', { cause })
}
