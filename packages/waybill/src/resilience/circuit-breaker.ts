import { channel } from 'node:diagnostics_channel'
import { WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { Circuit, type CircuitChange, type CircuitState, type Permit } from './circuit.ts'
import { breakerSettings, type BreakerSettings, type CircuitBreakerOptions } from './circuit-settings.ts'

/** What a circuit breaker went through; published on {@link CIRCUIT_CHANNEL}. */
export interface CircuitChanged extends CircuitChange {
  readonly breaker: string
  /** Milliseconds until the next probe; 0 unless it is open now, Infinity where it was opened by hand. */
  readonly retryAfterMs: number
}

/**
 * Guards one dependency. Calls go through `call`; as the `breaker` of subscriptions it pauses them while it is open.
 *
 * That a reset time has passed is found out when somebody looks or calls, and by a paused subscription at once.
 */
export interface CircuitBreaker {
  readonly name: string
  readonly state: CircuitState
  /** Milliseconds until it lets a probe through; 0 unless it is open, Infinity while it is held open by hand. */
  readonly retryAfterMs: number
  /**
   * What `call` returns, when the circuit lets it through.
   *
   * @param call gets a signal that aborts at the time-out of the breaker
   * @throws {WaybillError} `WAYBILL_CIRCUIT_OPEN` at once while it is open, `WAYBILL_CALL_TIMEOUT` when it takes too long;
   *   otherwise what the call throws
   */
  call<T>(call: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T>
  /** Opens it until `reset()`: the switch for an operator. */
  trip(): void
  /** Closes it, and forgets what it has counted. */
  reset(): void
  /** Calls `listener` after each change until the returned function is called. */
  onChange(listener: (change: CircuitChanged) => void): () => void
}

/** The name of the diagnostics channel that has a {@link CircuitChanged} for each change. */
export const CIRCUIT_CHANNEL = 'waybill:circuit'

const changes = channel(CIRCUIT_CHANNEL)
const NAME = /^[\w.-]{1,63}$/

/**
 * A circuit breaker of this process, by itself in `call`, and as the option `breaker` of any number of subscriptions.
 *
 * @param name for people: letters, digits and `._-`, at most 63
 * @throws {TypeError} for a name of another form, or an option out of range, unknown, or in contradiction to another
 */
export function circuitBreaker(name: string, options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new Breaker(name, options)
}

/** The breaker as the bus sees it. */
export class Breaker implements CircuitBreaker {
  readonly name: string
  readonly settings: BreakerSettings
  readonly #listeners = new Set<(change: CircuitChanged) => void>()
  readonly #circuit: Circuit
  #runtime: Runtime | undefined
  /** On the runtime's clock. */
  #origin = 0

  constructor(name: string, options: CircuitBreakerOptions) {
    if (!NAME.test(name))
      throw new TypeError(`a circuit breaker's name is letters, digits and ._-, at most 63, not "${name}"`)
    this.name = name
    this.settings = breakerSettings(name, options)
    this.#circuit = this.#newCircuit()
  }

  get state(): CircuitState {
    return this.#circuit.state(this.#now())
  }

  get retryAfterMs(): number {
    return this.#circuit.opensInMs(this.#now())
  }

  async call<T>(call: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T> {
    const permit = this.admit()
    if (permit === undefined) throw this.refusal()
    let result: T
    try {
      result = await this.#limited(call)
    } catch (error) {
      this.answer(permit, this.#says(error))
      throw error
    }
    this.answer(permit, 'succeeded')
    return result
  }

  trip(): void {
    this.#circuit.trip(this.#now())
  }

  reset(): void {
    this.#circuit.close('it was closed by hand')
  }

  onChange(listener: (change: CircuitChanged) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Takes its time from `runtime` from now on, a bus's own clock, and goes on where it is. */
  useRuntime(runtime: Runtime): void {
    if (this.#runtime === runtime) return
    const now = this.#runtime === undefined ? 0 : this.#now()
    this.#runtime = runtime
    this.#origin = runtime.monotonic() - now
  }

  /** Whoever has a permit answers with it, once. */
  admit(): Permit | undefined {
    return this.#circuit.admit(this.#now())
  }

  answer(permit: Permit, outcome: 'succeeded' | 'failed' | 'abandoned'): void {
    if (outcome === 'succeeded') this.#circuit.succeeded(permit, this.#now())
    else if (outcome === 'failed') this.#circuit.failed(permit, this.#now())
    else this.#circuit.abandoned(permit)
  }

  refusal(): WaybillError {
    const { name, state, retryAfterMs } = this
    if (state !== 'open')
      return new CircuitOpenError(`as many probes of the circuit ${name} as may are under way`, this.settings.resetMs)
    const until = Number.isFinite(retryAfterMs)
      ? `a probe may go in ${Math.ceil(retryAfterMs)} ms`
      : 'it was opened by hand'
    return new CircuitOpenError(`the circuit ${name} is open: ${until}`, retryAfterMs)
  }

  #says(error: unknown): 'succeeded' | 'failed' {
    try {
      return this.settings.counts(error) ? 'failed' : 'succeeded'
    } catch {
      // Who calls is told of its own error; of one that nobody can judge the worse is assumed.
      return 'failed'
    }
  }

  #limited<T>(call: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T> {
    const { timeoutMs } = this.settings
    return new Promise((resolve, reject) => {
      const abort = new AbortController()
      const timer = this.#clock().setTimer(timeoutMs, () => {
        const what = `a call through the circuit ${this.name} took longer than ${timeoutMs} ms`
        const error = new WaybillError('WAYBILL_CALL_TIMEOUT', what)
        abort.abort(error)
        reject(error) // what the call comes to later changes nothing
      })
      // Begun within a promise, so that a call that throws is the same as one that rejects.
      const calling = new Promise<T>((done) => done(call(abort.signal)))
      calling.finally(() => timer.cancel()).then(resolve, reject)
    })
  }

  #newCircuit(): Circuit {
    return new Circuit(this.settings, (change) => {
      const retryAfterMs = change.to === 'open' ? this.retryAfterMs : 0
      const changed: CircuitChanged = { ...change, breaker: this.name, retryAfterMs }
      if (changes.hasSubscribers) changes.publish(changed)
      for (const listener of this.#listeners) listener(changed)
    })
  }

  #clock(): Runtime {
    if (this.#runtime === undefined) this.useRuntime(systemRuntime())
    return this.#runtime as Runtime // just given
  }

  #now(): number {
    return this.#clock().monotonic() - this.#origin
  }
}

/** Says when to come again; known by its code. */
export class CircuitOpenError extends WaybillError {
  readonly retryAfterMs: number

  constructor(what: string, retryAfterMs: number) {
    super('WAYBILL_CIRCUIT_OPEN', what)
    this.retryAfterMs = retryAfterMs
  }
}

/** Causes are looked through so deep. */
const MAX_DEPTH = 8

/** When to come again, where `error` is, or was caused by, a circuit that is open; `undefined` otherwise. */
export function retryAfterOf(error: unknown): number | undefined {
  let at = error
  for (let depth = 0; depth < MAX_DEPTH && at instanceof Error; depth++) {
    if ('code' in at && at.code === 'WAYBILL_CIRCUIT_OPEN')
      return 'retryAfterMs' in at && typeof at.retryAfterMs === 'number' ? at.retryAfterMs : 0
    at = at.cause
  }
  return undefined
}
