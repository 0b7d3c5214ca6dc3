import type { DeadLetterReason, FailureRecord } from '../message/failure.ts'
import type { Delivery, Settlement, Subscription } from '../transport/transport.ts'
import { text } from './message-of.ts'
import type { Patience } from './patience.ts'

/** What a handler would come to: `hold` leaves the delivery unsettled. */
export type Decision =
  | 'ack'
  | 'hold'
  | { readonly retryMs: number; readonly error?: Error }
  | { readonly putOffMs: number }
  | { readonly reject: DeadLetterReason; readonly detail?: string; readonly failure?: FailureRecord }

export type Decide = (delivery: Delivery, inbox: Inbox) => Decision

/** A subscription that remembers what it was handed and settles as it is told. */
export class Inbox {
  /** Everything handed out, oldest first. */
  readonly deliveries: Delivery[] = []
  /** Handed out after close() had resolved. */
  readonly late: Delivery[] = []
  readonly unsettled: Set<Delivery> = new Set<Delivery>()
  mostUnsettled = 0
  /** Texts of messages handed out while another of the same key was unsettled. */
  readonly overlaps: string[] = []
  readonly group: string
  readonly #patience: Patience
  readonly #decide: Decide
  readonly #now: () => number
  #subscription: Subscription | undefined
  #early: Settlement[] = []
  #closed = false

  constructor(group: string, decide: Decide, patience: Patience, now: () => number) {
    this.group = group
    this.#decide = decide
    this.#patience = patience
    this.#now = now
  }

  get subscription(): Subscription {
    if (this.#subscription === undefined) throw new Error(`subscribe() of group ${this.group} has not resolved`)
    return this.#subscription
  }

  get texts(): readonly string[] {
    return this.deliveries.map(text)
  }

  readonly receive = (batch: readonly Delivery[]): void => {
    if (this.#closed) this.late.push(...batch)
    for (const delivery of batch) {
      const { key } = delivery.message
      if (key !== undefined)
        for (const other of this.unsettled) if (other.message.key === key) this.overlaps.push(text(delivery))
      this.unsettled.add(delivery)
      this.deliveries.push(delivery)
    }
    this.mostUnsettled = Math.max(this.mostUnsettled, this.unsettled.size)
    const settlements: Settlement[] = []
    for (const delivery of batch) {
      const decision = this.#decide(delivery, this)
      if (decision !== 'hold') settlements.push(this.#settlement(delivery, decision))
    }
    if (settlements.length > 0) this.settle(settlements)
  }

  /** Deliveries may come before subscribe() resolves; what was decided on them is settled here. */
  attach(subscription: Subscription): void {
    this.#subscription = subscription
    const early = this.#early
    this.#early = []
    if (early.length > 0) this.settle(early)
  }

  settle(settlements: readonly Settlement[]): void {
    for (const each of settlements) this.unsettled.delete(each.delivery)
    if (this.#subscription === undefined) this.#early.push(...settlements)
    else this.#subscription.settle(settlements)
  }

  decide(decision: Exclude<Decision, 'hold'>, ...deliveries: readonly Delivery[]): void {
    this.settle(deliveries.map((delivery) => this.#settlement(delivery, decision)))
  }

  ack(...deliveries: readonly Delivery[]): void {
    this.decide('ack', ...deliveries)
  }

  /** Waits until at least `count` deliveries have come, and answers them all. */
  async arrived(count: number): Promise<readonly Delivery[]> {
    await this.#patience.until(
      () => `${count} deliveries to group ${this.group}; there were ${this.deliveries.length}: ${shorten(this.texts)}`,
      () => this.deliveries.length >= count,
    )
    return this.deliveries
  }

  /** Waits for the `nth` delivery (from 1) of the message with this text. */
  async delivered(wanted: string, nth = 1): Promise<Delivery> {
    const found = (): Delivery | undefined => this.deliveries.filter((each) => text(each) === wanted)[nth - 1]
    await this.#patience.until(
      () => `delivery ${nth} of ${wanted} to group ${this.group}; there were: ${shorten(this.texts)}`,
      () => found() !== undefined,
    )
    return found() as Delivery // until() has seen it
  }

  async close(deadlineMs = 0): Promise<void> {
    await this.#patience.within(
      `close() of the subscription of group ${this.group}`,
      this.subscription.close(deadlineMs),
    )
    this.#closed = true
  }

  #settlement(delivery: Delivery, decision: Exclude<Decision, 'hold'>): Settlement {
    if (decision === 'ack') return { delivery, action: 'ack' }
    const { attempt } = delivery.message
    if ('reject' in decision)
      return {
        delivery,
        action: 'reject',
        reason: decision.reject,
        detail: decision.detail ?? 'put aside',
        ...(decision.failure === undefined ? {} : { failure: decision.failure }),
      }
    if ('putOffMs' in decision) return { delivery, action: 'retry', afterMs: decision.putOffMs, attempt }
    const error = decision.error ?? new RangeError(`attempt ${attempt} failed`)
    const failure = { at: this.#now(), attempt, group: this.group, name: error.name, message: error.message }
    return { delivery, action: 'retry', afterMs: decision.retryMs, attempt: attempt + 1, failure }
  }
}

function shorten(texts: readonly string[]): string {
  const shown = texts.slice(-20).map((each) => each.slice(0, 40))
  return `${texts.length > shown.length ? '… ' : ''}${shown.join(' ')}` || 'none'
}
