import { WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { AmqpDelivery, ConsumerEvents } from './engine.ts'

/** So long without news, and what there is, is taken. */
const QUIET_MS = 50
/** A queue that has messages and hands none out for so long is taken for stuck. */
const STUCK_MS = 30_000

/** What a consumer was handed and nobody has taken yet: never more than its prefetch. */
export class Arrivals implements ConsumerEvents {
  readonly #queue: string
  readonly #runtime: Runtime
  #arrived: AmqpDelivery[] = []
  #fault: Error | undefined
  #news: () => void = () => undefined

  constructor(queue: string, runtime: Runtime) {
    this.#queue = queue
    this.#runtime = runtime
  }

  get hasFailed(): boolean {
    return this.#fault !== undefined
  }

  deliver(batch: readonly AmqpDelivery[]): void {
    this.#arrived.push(...batch)
    this.#news()
  }

  cancelled(error: Error): void {
    this.fail(error)
  }

  /** The consumer is gone: `take` rejects from now on. */
  fail(error: Error): void {
    this.#fault ??= error
    this.#arrived = []
    this.#news()
  }

  requireOpen(): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  /**
   * The next ones, `most` or, when no more have come for a moment, fewer; none when the queue has none for us.
   *
   * @param ready messages that the queue could hand out
   */
  async take(most: number, ready: () => Promise<number>): Promise<readonly AmqpDelivery[]> {
    const since = this.#runtime.monotonic()
    for (let empty = 0; ;) {
      this.requireOpen()
      const before = this.#arrived.length
      if (before < most) await this.#newsWithin(QUIET_MS)
      this.requireOpen()
      const isQuiet = this.#arrived.length === before
      if (this.#arrived.length >= most || (isQuiet && before > 0)) return this.#arrived.splice(0, most)
      if (!isQuiet) continue
      // Asked twice: what is ready no more may be on its way to us.
      empty = (await ready()) === 0 ? empty + 1 : 0
      if (empty === 2 && this.#arrived.length === 0) return []
      if (this.#runtime.monotonic() - since > STUCK_MS)
        throw new WaybillError('WAYBILL_NOT_CONNECTED', `${this.#queue} has messages and hands none out`)
    }
  }

  #newsWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer: Timer = this.#runtime.setTimer(ms, resolve)
      this.#news = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
