import { asError } from '../../message/as-error.ts'
import { fromEnvelope } from '../../message/cloudevents-envelope.ts'
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { LocalDelivery } from '../../transport/local-delivery.ts'
import { LocalQueue } from '../../transport/local-queue.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import type { Context } from './context.ts'
import { decodeMessage } from './message-mapping.ts'
import type { Listening } from './published.ts'

/**
 * Signals to one instance, by Pub/Sub. What comes while its handlers are busy waits here, within bounds; what does not fit is
 * lost, and a gap. So is what the server has not got rid of when it ends the connection of a process that does not read.
 */
export class SignalSubscription implements Subscription, LinkedSubscription {
  readonly address: string | undefined = undefined
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  #listening: Listening | undefined
  #since: number | undefined
  #dropping = false
  #closing: Promise<void> | undefined

  constructor(
    spec: SubscriptionSpec,
    context: Context,
    receive: (batch: readonly Delivery[]) => void,
    onClosed: () => void,
  ) {
    this.#spec = spec
    this.#context = context
    this.#onClosed = onClosed
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => undefined,
      rejected: () => undefined,
    })
    this.#takeUp = new TakeUp(context.runtime, context.emit, spec.group, () => this.start())
  }

  get group(): SubscriptionSpec['group'] {
    return this.#spec.group
  }

  get attachedSince(): number | undefined {
    return this.#since
  }

  /** Resolves when the server publishes to it. */
  async start(): Promise<void> {
    const { names, published, runtime } = this.#context
    this.#queue.reset()
    const { life } = this.#queue
    const listening: Listening = {
      channels: names.signalsTo(this.#spec.group),
      heard: (payload) => this.#heard(payload, life),
      lost: (error) => {
        this.#lost(error)
        this.#takeUp.begin()
      },
    }
    await published.listen(listening)
    if (life !== this.#queue.life || this.#closing !== undefined) return await published.leave(listening)
    this.#listening = listening
    this.#since = runtime.now()
  }

  settle(batch: readonly Settlement[]): void {
    this.#queue.settle(batch)
  }

  flow(prefetch: number): void {
    this.#queue.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#takeUp.linkDown()
    this.#lost(error)
  }

  linkUp(): void {
    this.#takeUp.linkUp()
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#takeUp.end()
    this.#queue.shut()
    const { published, runtime } = this.#context
    // A server that does not answer need not be told: nothing is handed out any more.
    const left = this.#listening === undefined ? undefined : published.leave(this.#listening)
    let late: { cancel(): void } | undefined
    const deadline = new Promise<void>((resolve) => (late = runtime.setTimer(deadlineMs, resolve)))
    await this.#queue.idle.wait(deadlineMs)
    await Promise.race([left, deadline])
    late?.cancel()
    this.#detach()
    this.#onClosed()
  }

  #detach(): void {
    this.#since = undefined
    this.#listening = undefined
    this.#queue.reset()
  }

  #lost(error: Error): void {
    this.#detach()
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }

  #heard(payload: Buffer, life: number): void {
    if (this.#queue.isFull) return this.#drop()
    this.#dropping = false
    const message = this.#messageIn(payload)
    if (message !== undefined) this.#queue.add(new LocalDelivery(message, 0, life))
  }

  /** Whatever ordinary clients publish on their own channel is a body; on ours it is a CloudEvent, or nothing of ours. */
  #messageIn(payload: Buffer): WireMessage | undefined {
    if (this.#spec.group.channel.foreign !== undefined)
      return decodeMessage({ ce: undefined, data: payload, others: [] })
    try {
      return fromEnvelope(payload)
    } catch (error) {
      this.#context.emit({ type: 'error', error: asError(error) })
      return undefined
    }
  }

  #drop(): void {
    if (this.#dropping) return
    this.#dropping = true
    const { channel, name } = this.#spec.group
    const what = `too many messages of ${channel.name} wait for ${name}: newer ones are dropped`
    this.#context.emit({ type: 'error', error: new WaybillError('WAYBILL_LIMIT', what) })
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
  }
}
