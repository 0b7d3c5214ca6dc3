// One subscription of a service: hands deliveries to handlers within the concurrency, and settles what becomes of them.
import { WaybillError } from '../message/errors.ts'
import { failureRecord, type DeadLetterReason } from '../message/failure.ts'
import type { Release, Runtime } from '../runtime/runtime.ts'
import type { Delivery, Settlement, Subscription } from '../transport/transport.ts'
import { handleEnd, handleStart } from './diagnostics.ts'
import type { Logger } from './logger.ts'

/** What became of one try to handle a message. */
export type Verdict =
  | { readonly action: 'ack' }
  | { readonly action: 'retry'; readonly afterMs: number; readonly error: unknown }
  | { readonly action: 'reject'; readonly reason: DeadLetterReason; readonly error: unknown }

/** Handles one delivery and says what became of it. Never rejects. */
export type Process = (delivery: Delivery) => Promise<Verdict>

export interface ConsumerOptions {
  readonly service: string
  readonly channel: string
  readonly group: string
  readonly concurrency: number
  readonly prefetch: number
  /** Deliveries without settlement after which a message is poison. */
  readonly maxDeliveries: number
}

const ACK: Verdict = { action: 'ack' }

export { ACK as ACKNOWLEDGED }

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
  #settlements: Settlement[] = []
  #early: Delivery[] = []
  #holds = new Map<Delivery, Release>()

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
    this.#concurrency = concurrency
    if (prefetch !== this.#prefetch) {
      this.#prefetch = prefetch
      this.#subscription?.flow(prefetch)
    }
    this.#start()
  }

  /** Starts no further handler. What waits stays unsettled and returns to the engine when the subscription closes. */
  stop(): void {
    this.#stopped = true
    for (const delivery of this.#waiting.splice(0)) this.#release(delivery)
  }

  /** Stops, then closes the subscription, which waits for running handlers until `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.stop()
    await this.#subscription?.close(deadlineMs)
  }

  #take(batch: readonly Delivery[]): void {
    if (this.#stopped) return
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
    const seen = {
      message,
      service: this.options.service,
      channel: this.options.channel,
      group: this.options.group,
      attempt: message.attempt,
    }
    if (handleStart.hasSubscribers) handleStart.publish(seen)
    const verdict = this.#poisoned(delivery) ?? (await this.#process(delivery))
    this.#running--
    this.#handled++
    this.#settle(this.#settlement(delivery, verdict))
    if (handleEnd.hasSubscribers) {
      handleEnd.publish({
        ...seen,
        durationMs: this.#runtime.monotonic() - startedAt,
        error: verdict.action === 'ack' ? undefined : asError(verdict.error),
        action: verdict.action,
      })
    }
    this.#release(delivery)
    this.#start()
  }

  #poisoned(delivery: Delivery): Verdict | undefined {
    const count = delivery.deliveryCount ?? 1
    if (count <= this.options.maxDeliveries) return undefined
    const { type, id } = delivery.message
    return {
      action: 'reject',
      reason: 'poison',
      error: new WaybillError(
        'WAYBILL_POISON',
        `${type} (id ${id}) was delivered ${count} times to ${this.options.group} without being settled`,
      ),
    }
  }

  #settlement(delivery: Delivery, verdict: Verdict): Settlement {
    if (verdict.action === 'ack') return { delivery, action: 'ack' }
    const { message } = delivery
    const failure = failureRecord(verdict.error, this.#runtime.now(), message.attempt, this.options.group)
    const about = {
      id: message.id,
      type: message.type,
      attempt: message.attempt,
      group: this.options.group,
      error: failure.message,
    }
    if (verdict.action === 'retry') {
      this.#logger.info({ ...about, afterMs: verdict.afterMs }, 'handling failed and will be tried again')
      return { delivery, action: 'retry', afterMs: verdict.afterMs, attempt: message.attempt + 1, failure }
    }
    this.#logger.warn({ ...about, reason: verdict.reason }, 'a message went to the dead letters')
    return { delivery, action: 'reject', reason: verdict.reason, detail: failure.message, failure }
  }

  #settle(settlement: Settlement): void {
    if (this.#settlements.push(settlement) > 1) return
    queueMicrotask(() => {
      const batch = this.#settlements
      this.#settlements = []
      this.#subscription?.settle(batch)
    })
  }

  #release(delivery: Delivery): void {
    this.#holds.get(delivery)?.()
    this.#holds.delete(delivery)
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
