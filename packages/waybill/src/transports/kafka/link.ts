// The link to the cluster: one session at a time, replaced when it is lost.
//
//   idle --connect()--> connecting --ok--> up --lost--> waiting --timer--> connecting ...
//                           |                              ^                   |
//                           +--first try failed: idle      +------failed-------+
//   any state --close()--> closed
import { asError } from '../../message/as-error.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { backOffMs } from '../../transport/back-off.ts'
import { shown, type BrokerAddress, type ClusterSettings } from './broker-address.ts'
import type { Driver } from './driver.ts'
import { linkError } from './kafka-errors.ts'
import { Session } from './session.ts'

/** A cluster is rarely gone for long, and a broker that comes back is there at once. */
const BACK_OFF = { firstMs: 100, longestMs: 2_000 } as const

export interface LinkListener {
  /** Makes a new session ready for use. It must end when the session does. */
  prepare(session: Session): Promise<void>
  up(): void
  down(error: Error): void
  /** Why the link cannot be taken up again yet: each reason of an outage once. */
  trouble(error: Error): void
}

export class Link {
  readonly #settings: ClusterSettings
  readonly #runtime: Runtime
  readonly #listener: LinkListener
  readonly #closing = new AbortController()
  readonly #reasons = new Set<string>()
  #driver: Driver | undefined
  #state: 'idle' | 'connecting' | 'up' | 'waiting' | 'closed' = 'idle'
  #session: Session | undefined
  /** Which address to try next, counted round and round. */
  #next = 0
  #tries = 0
  #timer: Timer | undefined

  constructor(settings: ClusterSettings, runtime: Runtime, listener: LinkListener) {
    this.#settings = settings
    this.#runtime = runtime
    this.#listener = listener
  }

  /** Tries each address once. Resolves when up; afterwards the link is kept up, for ever, until `close`. */
  async connect(driver: Driver, signal: AbortSignal): Promise<void> {
    if (this.#isClosed()) throw closedError()
    this.#driver = driver
    this.#state = 'connecting'
    try {
      await this.#establish(AbortSignal.any([signal, this.#closing.signal]))
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
  get session(): Session {
    if (this.#state === 'up' && this.#session !== undefined) return this.#session
    throw this.unavailable()
  }

  /** Why there is no link now. */
  unavailable(): WaybillError {
    if (this.#isClosed()) return closedError()
    return new WaybillError('WAYBILL_NOT_CONNECTED', `no link to ${this.#settings.addresses.map(shown).join(', ')}`)
  }

  close(): void {
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#closing.abort()
    this.#session?.end()
  }

  async #establish(signal: AbortSignal): Promise<void> {
    const given = this.#settings.addresses
    const isGiven = ({ host, port }: BrokerAddress): boolean => given.some((a) => a.host === host && a.port === port)
    const addresses = [...given, ...(this.#session?.addresses ?? []).filter((address) => !isGiven(address))]
    const failures: Error[] = []
    while (failures.length < addresses.length) {
      const address = addresses[this.#next % addresses.length] as BrokerAddress // below length
      try {
        return await this.#adopt(address, signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#next++
        failures.push(asError(error))
      }
    }
    throw failures.length === 1 ? failures[0] : allFailed(failures)
  }

  async #adopt(address: BrokerAddress, signal: AbortSignal): Promise<void> {
    const driver = this.#driver as Driver // set by connect
    const session: Session = new Session(driver, this.#settings, this.#runtime, (error) => this.#lost(session, error))
    try {
      // A host that does not answer at all is waited for by the client, whatever we say.
      await abortable(session.open(address, signal), signal)
      await abortable(this.#listener.prepare(session), signal)
      if (session.fault !== undefined) throw session.fault
    } catch (error) {
      const reason = linkError(error, shown(address))
      session.end(reason)
      throw session.fault ?? reason
    }
    this.#session = session
    this.#state = 'up'
    this.#tries = 0
    this.#reasons.clear()
    this.#listener.up()
  }

  #lost(session: Session, error: Error): void {
    // While it was being prepared, that has failed.
    if (this.#state !== 'up' || session !== this.#session) return
    this.#next++
    this.#wait()
    this.#listener.down(error)
  }

  #wait(): void {
    this.#state = 'waiting'
    this.#timer = this.#runtime.setTimer(
      backOffMs(this.#tries++, this.#runtime, BACK_OFF),
      () => void this.#reconnect(),
    )
  }

  async #reconnect(): Promise<void> {
    this.#state = 'connecting'
    try {
      await this.#establish(this.#closing.signal)
    } catch (reason) {
      if (this.#isClosed()) return
      const error = asError(reason)
      // One of each kind in an outage; as many as a cluster has ways to fail.
      if (this.#reasons.size < 32 && !this.#reasons.has(error.message)) {
        this.#reasons.add(error.message)
        this.#listener.trouble(error)
      }
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
    const abort = (): void => reject(asError(signal.reason))
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function allFailed(failures: readonly Error[]): WaybillError {
  const refused = failures.find((each) => each instanceof WaybillError && each.code === 'WAYBILL_ACCESS_REFUSED')
  const what = failures.map((each) => each.message.split('\n')[0]).join('; ')
  const code = refused === undefined ? 'WAYBILL_NOT_CONNECTED' : 'WAYBILL_ACCESS_REFUSED'
  return new WaybillError(code, `no broker could be reached: ${what}`, { cause: new AggregateError(failures) })
}

function closedError(cause?: unknown): WaybillError {
  return new WaybillError('WAYBILL_CLOSED', 'the Kafka transport has been closed', { cause })
}
