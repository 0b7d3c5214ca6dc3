import { WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { whoseOf } from './check-subscription.ts'
import type { LinkedSubscription } from './linked-subscription.ts'
import { LocalLife } from './local-life.ts'
import { LocalQueue } from './local-queue.ts'
import type { LocalSource } from './local-source.ts'
import { settledWithin } from './settled-within.ts'
import { TakeUp } from './take-up.ts'
import type { TransportEvent } from './transport-event.ts'
import type { Delivery, Group, Settlement, Subscription, SubscriptionSpec } from './transport.ts'

/** What goodbyes may take beyond the deadline: round trips on a slow link. */
const GOODBYE_MS = 1_000

export interface LocalContext {
  readonly runtime: Runtime
  readonly emit: (event: TransportEvent) => void
}

/**
 * A subscription of which nothing stays on the server: what has come is in this process alone. It is attached anew after each
 * loss, with a {@link LocalLife} each time; what is here stays here meanwhile, and is handed out and settled as before.
 *
 * Of one that has not been attached yet nothing is reported: who waits for `start` is told.
 */
export class LocalSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined
  readonly group: Group
  readonly #context: LocalContext
  readonly #source: LocalSource
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  /** Of now; none while it is lost. */
  #life: LocalLife | undefined
  #since: number | undefined
  #hasBegun = false
  #closing: Promise<void> | undefined

  constructor(
    { group, prefetch }: SubscriptionSpec,
    context: LocalContext,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
    source: LocalSource,
  ) {
    this.address = source.address
    this.group = group
    this.#context = context
    this.#source = source
    this.#onClosed = onClosed
    this.#queue = new LocalQueue(context.runtime, prefetch, receive, {
      freed: () => this.#life?.freed(),
      rejected: (delivery, reject) => this.#life?.rejected(delivery, reject),
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, group, () => this.start())
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when it is attached. @throws {WaybillError} WAYBILL_NOT_CONNECTED, WAYBILL_CLOSED when that came meanwhile */
  async start(): Promise<void> {
    const life = new LocalLife(this.#source, this.#queue, {
      lost: (error) => {
        this.#lost(error)
        this.#takeUp.begin()
      },
      gap: () => this.#gap(),
      dropping: () => this.#dropping(),
    })
    this.#life = life
    try {
      await life.begin()
    } catch (error) {
      if (this.#life === life) this.#life = undefined
      throw error
    }
    // Then close() has it leave.
    if (this.#closing !== undefined) throw this.#closed()
    this.#hasBegun = true
    this.#since = this.#context.runtime.now()
    life.freed()
  }

  settle(batch: readonly Settlement[]): void {
    this.#queue.settle(batch)
  }

  flow(prefetch: number): void {
    this.#queue.flow(prefetch)
  }

  linkDown(error: Error): void {
    const what = `the link broke while ${whoseOf(this)} subscribed`
    this.#detach(new WaybillError('WAYBILL_NOT_CONNECTED', what, { cause: error }))
    this.#takeUp.linkDown()
    if (this.#hasBegun) this.#lost(error)
  }

  linkUp(): void {
    // Who subscribes while the link comes up is on it already.
    if (this.#hasBegun && this.#life === undefined) this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    this.#queue.shut()
    // A server that does not answer need not be told: nothing of it is there to stay.
    const left = this.#life?.leave().catch(() => undefined)
    const unsettled = this.#queue.idle.wait(deadlineMs)
    await settledWithin(deadlineMs + GOODBYE_MS, Promise.all([unsettled, left]), this.#context.runtime)
    this.#detach(this.#closed())
    this.#queue.clear()
    this.#onClosed()
  }

  #detach(reason: Error): void {
    this.#since = undefined
    this.#life?.end(reason)
    this.#life = undefined
  }

  #lost(error: Error): void {
    this.#detach(error)
    const { channel, name } = this.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    if (this.#source.hasGaps) this.#gap()
  }

  #gap(): void {
    const { channel, name } = this.group
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #dropping(): void {
    const what = `too many messages wait for ${whoseOf(this)}: newer ones are dropped`
    this.#context.emit({ type: 'error', error: new WaybillError('WAYBILL_LIMIT', what) })
    if (this.#source.hasGaps) this.#gap()
  }

  #closed(): WaybillError {
    return new WaybillError('WAYBILL_CLOSED', `the subscription of ${whoseOf(this)} is closed`)
  }
}
