// One subscription of a service: hands deliveries to handlers within the concurrency, and settles what becomes of them.
import { failureRecord } from '../message/failure.ts'
import type { Release, Runtime } from '../runtime/runtime.ts'
import type { Delivery, Settlement, Subscription } from '../transport/transport.ts'
import { asError } from '../message/as-error.ts'
import { handleEnd, handleStart } from './diagnostics.ts'
import type { Logger } from './logger.ts'
import type { Process, Outcome } from './outcome.ts'

export interface ConsumerOptions {
  readonly service: string
  readonly channel: string
  readonly group: string
  readonly concurrency: number
  readonly prefetch: number
}

/** A retry or a dead letter is stored by the broker before the original is acknowledged; so long that may take. */
const MOVE_MS = 2_000

/**
 * Bounds: at most `concurrency` handlers run, at most `prefetch` deliveries are here, running or waiting. Settlements of
 * one turn leave in one call.
 */
export class Consumer {
  readonly options: ConsumerOptions
  readonly #process: Process
  readonly #runtime: Runtime
  readonly #logger: Logger
  readonly #waiting: Delivery[] = []
  #subscription: Subscription | undefined
  #concurrency: number
  #prefetch: number
  #running = 0
  #handled = 0
  #stopped = false
  /** Deliveries here that nobody will settle: the broker hands them out again once the subscription is closed. */
  #returned = 0
  #settlements: Settlement[] = []
  #lastMoveAt = -Infinity
  readonly #early: Delivery[] = []
  readonly #holds = new Map<Delivery, Release>()
  #whenNoneRuns: (() => void) | undefined

  constructor(options: ConsumerOptions, process: Process, runtime: Runtime, logger: Logger) {
    this.options = options
    this.#process = process
    this.#runtime = runtime
    this.#logger = logger
    this.#concurrency = options.concurrency
    this.#prefetch = options.prefetch
  }

  get concurrency(): number {
    return this.#concurrency
  }
  get prefetch(): number {
    return this.#prefetch
  }
  /** Handlers running now. */
  get running(): number {
    return this.#running
  }
  /** Deliveries settled since the start. */
  get handled(): number {
    return this.#handled
  }

  /** The subscription that deliveries come from; those that came before it was known are taken up now. */
  attach(subscription: Subscription): void {
    this.#subscription = subscription
    this.#take(this.#early.splice(0))
  }

  /** Takes a batch from the transport. */
  receive(batch: readonly Delivery[]): void {
    if (this.#subscription === undefined) this.#early.push(...batch)
    else this.#take(batch)
  }

  /** Changes the limits while running. */
  tune(concurrency: number, prefetch: number): void {
    if (this.#stopped) return
    this.#concurrency = concurrency
    if (prefetch !== this.#prefetch) {
      this.#prefetch = prefetch
      this.#subscription?.flow(prefetch)
    }
    this.#start()
  }

  /**
   * Starts no further handler, waits until `deadlineMs` for those that run, and closes the subscription. What waits here
   * goes back to the broker.
   */
  async close(deadlineMs: number): Promise<void> {
    const until = this.#runtime.monotonic() + deadlineMs
    this.#stopped = true
    this.#returned += this.#early.splice(0).length
    for (const delivery of this.#waiting.splice(0)) this.#giveBack(delivery)
    // The transport waits for every delivery to be settled. Those given back never will be, so it must not wait for them.
    if (this.#returned > 0) await this.#noneRuns(deadlineMs)
    const left = Math.max(0, until - this.#runtime.monotonic())
    const moving = Math.max(0, this.#lastMoveAt + MOVE_MS - this.#runtime.monotonic())
    await this.#subscription?.close(this.#returned > 0 ? Math.min(left, moving) : left)
  }

  #noneRuns(deadlineMs: number): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#runtime.setTimer(deadlineMs, resolve)
      this.#whenNoneRuns = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #take(batch: readonly Delivery[]): void {
    if (this.#stopped) {
      this.#returned += batch.length
      return
    }
    for (const delivery of batch) {
      this.#holds.set(delivery, this.#runtime.hold(`${this.options.service} handling ${delivery.message.type}`))
      this.#waiting.push(delivery)
    }
    this.#start()
  }

  #start(): void {
    while (!this.#stopped && this.#running < this.#concurrency) {
      const delivery = this.#waiting.shift()
      if (delivery === undefined) return
      this.#running++
      void this.#run(delivery)
    }
  }

  async #run(delivery: Delivery): Promise<void> {
    const { message } = delivery
    const startedAt = this.#runtime.monotonic()
    const { service, channel, group } = this.options
    const seen = { message, service, channel, group, attempt: message.attempt }
    if (handleStart.hasSubscribers) handleStart.publish(seen)
    let outcome: Outcome
    try {
      outcome = await this.#process(delivery)
    } catch (error) {
      // Not the handler's error, which has its outcome, but one on the way to it: kept for the operator, with its text.
      outcome = { action: 'reject', reason: 'failed', error }
    }
    this.#running--
    this.#settle(delivery, outcome)
    if (handleEnd.hasSubscribers) {
      handleEnd.publish({
        ...seen,
        durationMs: this.#runtime.monotonic() - startedAt,
        error: outcome.action === 'ack' ? undefined : asError(outcome.error),
        action: outcome.action,
      })
    }
    this.#start()
    if (this.#running === 0) this.#whenNoneRuns?.()
  }

  #settle(delivery: Delivery, outcome: Outcome): void {
    if (outcome.action === 'return') return this.#giveBack(delivery)
    this.#handled++
    if (outcome.action !== 'ack') this.#lastMoveAt = this.#runtime.monotonic()
    if (this.#settlements.push(this.#settlement(delivery, outcome)) === 1) queueMicrotask(() => this.#handOver())
    this.#release(delivery)
  }

  #handOver(): void {
    const batch = this.#settlements
    this.#settlements = []
    try {
      this.#subscription?.settle(batch)
    } catch (error) {
      const { channel, group } = this.options
      const about = { channel, group, deliveries: batch.length, error: asError(error).message }
      this.#logger.error(about, 'the transport did not take settlements; the broker will hand those messages out again')
    }
  }

  #settlement(delivery: Delivery, outcome: Exclude<Outcome, { action: 'return' }>): Settlement {
    if (outcome.action === 'ack') return { delivery, action: 'ack' }
    const { id, type, attempt } = delivery.message
    const { group } = this.options
    const failure = failureRecord(outcome.error, this.#runtime.now(), attempt, group)
    const about = { id, type, attempt, group, error: failure.message }
    if (outcome.action === 'retry') {
      this.#logger.info({ ...about, afterMs: outcome.afterMs }, 'handling failed and will be tried again')
      return { delivery, action: 'retry', afterMs: outcome.afterMs, attempt: attempt + 1, failure }
    }
    this.#logger.warn({ ...about, reason: outcome.reason }, 'a message went to the dead letters')
    return { delivery, action: 'reject', reason: outcome.reason, detail: failure.message, failure }
  }

  #giveBack(delivery: Delivery): void {
    this.#returned++
    this.#release(delivery)
  }

  #release(delivery: Delivery): void {
    this.#holds.get(delivery)?.()
    this.#holds.delete(delivery)
  }
}
