// From outcomes to settlements: those of one turn leave in one call.
import { asError } from '../../message/as-error.ts'
import { failureRecord } from '../../message/failure.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery, Settlement, Subscription } from '../../transport/transport.ts'
import type { Logger } from '../observation/logger.ts'
import type { Outcome } from '../handling/outcome.ts'
import { putOffMs } from './put-off.ts'

/** A retry or a dead letter is stored by the broker before the original is acknowledged; so long that may take. */
const MOVE_MS = 2_000

export type Settled = Exclude<Outcome, { readonly action: 'return' }>

export interface Where {
  readonly channel: string
  readonly group: string
  /** Nothing is kept for this instance: what fails for good is dropped. */
  readonly transient?: boolean
}

export class Settling {
  readonly #where: Where
  readonly #runtime: Runtime
  readonly #logger: Logger
  #subscription: Pick<Subscription, 'settle'> | undefined
  #batch: Settlement[] = []
  #lastMoveAt = -Infinity
  /** Deliveries settled since the start. */
  handled = 0

  constructor(where: Where, runtime: Runtime, logger: Logger) {
    this.#where = where
    this.#runtime = runtime
    this.#logger = logger
  }

  attach(subscription: Pick<Subscription, 'settle'>): void {
    this.#subscription = subscription
  }

  /** Milliseconds that what is being stored elsewhere may still take. */
  get movingMs(): number {
    return Math.max(0, this.#lastMoveAt + MOVE_MS - this.#runtime.monotonic())
  }

  settle(delivery: Delivery, outcome: Settled): void {
    if (outcome.action !== 'put-off') this.handled++
    if (outcome.action !== 'ack') this.#lastMoveAt = this.#runtime.monotonic()
    if (this.#batch.push(this.#settlement(delivery, outcome)) === 1) queueMicrotask(() => this.#handOver())
  }

  #handOver(): void {
    const batch = this.#batch
    this.#batch = []
    try {
      this.#subscription?.settle(batch)
    } catch (error) {
      const { channel, group } = this.#where
      const about = { channel, group, deliveries: batch.length, error: asError(error).message }
      this.#logger.error(about, 'the transport did not take settlements; the broker will hand those messages out again')
    }
  }

  #settlement(delivery: Delivery, outcome: Settled): Settlement {
    if (outcome.action === 'ack') return { delivery, action: 'ack' }
    const { id, type, attempt } = delivery.message
    const { group } = this.#where
    if (outcome.action === 'put-off') {
      const afterMs = putOffMs(outcome.afterMs, () => this.#runtime.random())
      this.#logger.debug({ id, type, attempt, group, afterMs }, 'a message is put off; no attempt is counted')
      return { delivery, action: 'retry', afterMs, attempt }
    }
    const failure = failureRecord(outcome.error, this.#runtime.now(), attempt, group)
    const about = { id, type, attempt, group, error: failure.message }
    if (outcome.action === 'retry') {
      this.#logger.info({ ...about, afterMs: outcome.afterMs }, 'handling failed and will be tried again')
      return { delivery, action: 'retry', afterMs: outcome.afterMs, attempt: attempt + 1, failure }
    }
    const became =
      this.#where.transient === true ? 'was dropped: nothing is kept for this instance' : 'went to the dead letters'
    this.#logger.warn({ ...about, reason: outcome.reason }, `a message ${became}`)
    return { delivery, action: 'reject', reason: outcome.reason, detail: failure.message, failure }
  }
}
