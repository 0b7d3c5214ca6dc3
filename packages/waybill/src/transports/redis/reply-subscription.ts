import { asError } from '../../message/as-error.ts'
import { isWaybillError } from '../../message/errors.ts'
import type { Timer } from '../../runtime/runtime.ts'
import { TakeUp } from '../../transport/take-up.ts'
import type { Delivery, Settlement, Subscription, SubscriptionSpec } from '../../transport/transport.ts'
import { text, type Connection, type Reply } from './connection.ts'
import type { Context } from './context.ts'
import { LocalDelivery } from '../../transport/local-delivery.ts'
import { LocalQueue } from '../../transport/local-queue.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { decodeMessage, fieldsIn } from './message-mapping.ts'

/** The stream outlives a link that is lost and taken up again, and goes soon after its process. */
const LEASES_KEPT = 4
const LEAST_KEPT_MS = 30_000

/**
 * Replies to one process: a stream of its own, which expires with it. A stream and not Pub/Sub, because it holds what comes while
 * the process is busy, and because who answers is told at once whether anybody is there, also in a cluster.
 */
export class ReplySubscription implements Subscription, LinkedSubscription {
  readonly address: string
  readonly #spec: SubscriptionSpec
  readonly #context: Context
  readonly #onClosed: () => void
  readonly #takeUp: TakeUp
  readonly #queue: LocalQueue
  #connection: Connection | undefined
  #renewing: Timer | undefined
  #fetching = false
  #watching = false
  #since: number | undefined
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
    this.address = context.names.here(spec.group.channel, context.runtime.newId())
    this.#queue = new LocalQueue(context.runtime, spec.prefetch, receive, {
      freed: () => this.#fetch(),
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

  /** Resolves when its stream is there. */
  async start(): Promise<void> {
    const connection = this.#context.connection()
    this.#queue.reset()
    const { life } = this.#queue
    await connection.run('openReplies', this.address, [this.#keptMs])
    if (life !== this.#queue.life || this.#closing !== undefined) return
    this.#connection = connection
    this.#since = this.#context.runtime.now()
    this.#renew()
    this.#fetch()
  }

  settle(batch: readonly Settlement[]): void {
    this.#queue.settle(batch)
  }

  flow(prefetch: number): void {
    this.#queue.flow(prefetch)
  }

  linkDown(error: Error): void {
    this.#detach()
    this.#takeUp.linkDown()
    const { channel, name } = this.#spec.group
    this.#context.emit({ type: 'subscription-lost', channel: channel.name, group: name, error })
    this.#context.emit({ type: 'gap', channel: channel.name, group: name })
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
    const connection = this.#connection
    // Who answers from now on is told that nobody is here. Should this fail, it expires.
    if (connection?.isClosed === false) await connection.command('DEL', this.address).catch(() => undefined)
    await this.#queue.idle.wait(deadlineMs)
    this.#detach()
    this.#onClosed()
  }

  get #keptMs(): number {
    return Math.max(LEAST_KEPT_MS, LEASES_KEPT * this.#context.settings.leaseMs)
  }

  #detach(): void {
    this.#since = undefined
    this.#connection = undefined
    this.#watching = false
    this.#renewing?.cancel()
    this.#context.bell.unwatch(this)
    this.#queue.reset()
  }

  #renew(): void {
    const { runtime } = this.#context
    this.#renewing = runtime.setTimer(this.#keptMs / 4, () => {
      const connection = this.#connection
      if (connection === undefined) return
      connection
        .run('openReplies', this.address, [this.#keptMs])
        .catch((error: unknown) => this.#failed(connection, asError(error)))
      this.#renew()
    })
  }

  #fetch(): void {
    const connection = this.#connection
    if (connection === undefined || this.#fetching || this.#watching || this.#closing !== undefined) return
    const { room } = this.#queue
    if (connection.isClosed || room <= 0) return
    this.#fetching = true
    void this.#take(connection, room)
      .catch((error: unknown) => this.#failed(connection, asError(error)))
      .finally(() => {
        this.#fetching = false
        this.#fetch()
      })
  }

  async #take(connection: Connection, room: number): Promise<void> {
    const { life } = this.#queue
    const [outcome, entries] = await connection.run('takeReplies', this.address, [room, this.#keptMs])
    if (life !== this.#queue.life || this.#closing !== undefined) return
    if (text(outcome) !== 'OK') throw new Error(`stream ${this.address} has been deleted`)
    const list = entries as readonly (readonly [Reply, Reply])[]
    for (const [, fields] of list) this.#queue.add(new LocalDelivery(decodeMessage(fieldsIn(fields)), 0, life))
    if (list.length > 0) return
    this.#watching = true
    // What is taken is deleted: whatever lies there is new.
    this.#context.bell.watch(this, new Map([[this.address, '0-0']]), () => {
      this.#watching = false
      this.#fetch()
    })
  }

  #failed(connection: Connection, error: Error): void {
    // A link that is down says so itself.
    if (connection !== this.#connection || connection.isClosed || this.#closing !== undefined) return
    if (!isWaybillError(error, 'WAYBILL_NOT_CONNECTED')) this.#context.emit({ type: 'error', error })
    this.linkDown(error)
    this.#takeUp.begin()
  }
}
