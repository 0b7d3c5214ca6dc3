import { WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** So many at a time, and no more than a quarter of a second's: what a rate is kept by. */
const SHARES = 4

/** Lets messages through at a rate, one after another. */
export class Pace {
  readonly #runtime: Runtime
  readonly #rate: number
  readonly #signal: AbortSignal | undefined
  /** When the next one may go, by the monotonic clock. */
  #next: number

  /** @param rate messages per second; Infinity for no limit */
  constructor(rate: number, runtime: Runtime, signal: AbortSignal | undefined) {
    if (!(rate > 0)) throw new TypeError(`rate must be messages per second, more than 0, not ${rate}`)
    this.#rate = rate
    this.#runtime = runtime
    this.#signal = signal
    this.#next = runtime.monotonic()
  }

  /** Messages that may be let through in one go. */
  get burst(): number {
    return Math.max(1, Math.floor(this.#rate / SHARES))
  }

  /** Resolves when `count` more may go. @throws {WaybillError} `WAYBILL_ABORTED` once the signal has aborted */
  async pass(count: number): Promise<void> {
    this.throwIfAborted()
    if (this.#rate === Infinity || count === 0) return
    const now = this.#runtime.monotonic()
    const wait = this.#next - now
    // What was not used is not saved up.
    this.#next = Math.max(this.#next, now) + (count * 1_000) / this.#rate
    if (wait > 0) await this.#sleep(wait)
  }

  throwIfAborted(): void {
    throwIfAborted(this.#signal)
  }

  async #sleep(ms: number): Promise<void> {
    const release = this.#runtime.keepAlive()
    try {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          timer.cancel()
          this.#signal?.removeEventListener('abort', done)
          resolve()
        }
        const timer = this.#runtime.setTimer(ms, done)
        this.#signal?.addEventListener('abort', done, { once: true })
      })
    } finally {
      release()
    }
    this.throwIfAborted()
  }
}

/** @throws {WaybillError} `WAYBILL_ABORTED` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new WaybillError('WAYBILL_ABORTED', 'going through dead letters was aborted', { cause: signal.reason })
}
