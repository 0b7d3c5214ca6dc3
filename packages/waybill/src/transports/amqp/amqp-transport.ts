import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Release, Runtime, Timer } from '../../runtime/runtime.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { Channel } from '../../transport/channel.ts'
import type {
  Delivery,
  Group,
  Outgoing,
  SendResult,
  Subscription,
  SubscriptionSnapshot,
  SubscriptionSpec,
  Topology,
  Transport,
  TransportSnapshot,
} from '../../transport/transport.ts'
import { checkVisit } from '../../transport/check-visit.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import { checkChannel, checkGroup, checkTopology } from '../../transport/check-topology.ts'
import { AttachmentWatch, CHECK_EVERY_MS } from './attachment-watch.ts'
import { DeadLetterVisitor } from './dead-letter-visitor.ts'
import { Declarer } from './declarer.ts'
import type { AmqpEngine, LinkEvent } from './engine.ts'
import { inspectGroup } from './inspection.ts'
import { Sender } from './sender.ts'
import { openSubscription } from './open-subscription.ts'
import type { LinkedSubscription, SubscriptionContext } from './subscription-context.ts'
import { channelTopology, entityOf, groupTopology, sourceOf } from './topology.ts'

/** What closing consumers may take beyond the deadline: one round trip on a slow link. */
const GOODBYE_MS = 1_000

/** Queues, exchanges and consumers as Waybill's channels, groups and subscriptions, over any AMQP engine. */
export class AmqpTransport implements Transport {
  readonly name: string
  readonly #engine: AmqpEngine
  readonly #declarer: Declarer
  readonly #sender: Sender
  readonly #context: SubscriptionContext
  readonly #listeners = new Set<(event: TransportEvent) => void>()
  readonly #subscriptions = new Set<LinkedSubscription>()
  readonly #visitors = new Set<DeadLetterVisitor>()
  readonly #groups = new Map<string, Group>()
  #state: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  #linked = false
  readonly #watch: AttachmentWatch
  #closing: Promise<void> | undefined

  /** @param checkEveryMs between questions whether the broker still counts the consumers, where it may lose one silently */
  constructor(engine: AmqpEngine, runtime: Runtime, checkEveryMs: number = CHECK_EVERY_MS) {
    this.name = engine.name
    this.#engine = engine
    this.#declarer = new Declarer(engine)
    this.#sender = new Sender(engine, this.#declarer, runtime)
    this.#watch = new AttachmentWatch(this.#subscriptions, runtime, checkEveryMs)
    this.#context = { engine, declarer: this.#declarer, runtime, emit: (event) => this.#emit(event) }
    engine.onLink((event) => this.#onLink(event))
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    if (this.#state !== 'new')
      throw this.#state === 'closed' ? this.#closed() : new TypeError('connect() is called once')
    this.#state = 'connecting'
    try {
      if (signal.aborted) throw signal.reason
      const facts = await this.#engine.connect(signal)
      // close() may have come meanwhile.
      if ((this.#state as string) === 'closed') throw this.#closed()
      this.#state = 'open'
      this.#linked = true
      if (this.#engine.losesConsumersSilently) this.#watch.begin()
      return facts
    } catch (error) {
      if (this.#state === 'connecting') this.#state = 'new'
      if (signal.aborted && !isWaybillError(error) && this.#state === 'new')
        throw new WaybillError('WAYBILL_ABORTED', `connecting to ${this.name} was aborted`, { cause: error })
      if ((this.#state as string) === 'closed') throw this.#closed(error)
      if (!signal.aborted) throw error
      throw new WaybillError('WAYBILL_ABORTED', `connect() of the ${this.name} transport was aborted`, { cause: error })
    }
  }

  async declare(topology: Topology): Promise<void> {
    this.#requireOpen()
    checkTopology(topology)
    for (const channel of topology.channels) await this.#declarer.declare(channelTopology(channel))
    for (const group of topology.groups) {
      await this.#declarer.claim(group)
      // A query's or survey's queue lives while somebody listens; subscribe() makes it.
      if (group.channel.kind !== 'query' && group.channel.kind !== 'survey')
        await this.#declarer.declare(groupTopology(group))
      this.#remember(group)
    }
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    this.#requireOpen()
    return await this.#sender.send(batch)
  }

  async subscribe(spec: SubscriptionSpec, receive: (batch: readonly Delivery[]) => void): Promise<Subscription> {
    this.#requireOpen()
    const release = this.#context.runtime.hold('subscribing')
    try {
      const subscription = await openSubscription(spec, this.#context, receive, {
        opening: (opening) => void this.#subscriptions.add(opening),
        closed: (closed) => void this.#subscriptions.delete(closed),
      })
      if ((this.#state as string) === 'closed') {
        await subscription.close(0)
        throw this.#closed()
      }
      if (!spec.transient) this.#remember(spec.group)
      return subscription
    } finally {
      release()
    }
  }

  addressOf(channel: Channel): string {
    checkChannel(channel)
    if (channel.kind !== 'reply')
      throw new TypeError(`a ${channel.kind} channel has no return address: ${channel.name}`)
    return entityOf(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    this.#requireOpen()
    checkGroup(group)
    const { life, isForeign } = sourceOf(group)
    return this.#engine.routeFacts(life, isForeign)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    this.#requireOpen()
    checkVisit(group, visit)
    const hold = (): Release => this.#context.runtime.hold('visiting dead letters')
    let release = hold()
    const decide: DeadLetterVisit['decide'] = async (letters) => {
      // Whoever decides may wait for time.
      release()
      try {
        return await visit.decide(letters)
      } finally {
        release = hold()
      }
    }
    const visitor = new DeadLetterVisitor(group, { ...visit, decide }, this.#context)
    this.#visitors.add(visitor)
    try {
      await visitor.run()
    } finally {
      this.#visitors.delete(visitor)
      release()
    }
  }

  async inspect(): Promise<TransportSnapshot> {
    this.#requireOpen()
    const open = [...this.#subscriptions]
    if (!this.#linked) return { connected: false, groups: [], subscriptions: open.map((each) => each.detached) }
    const groups = await Promise.all([...this.#groups.values()].map((group) => inspectGroup(this.#engine, group)))
    const depthOf = ({ channel, group }: SubscriptionSnapshot): number | undefined =>
      groups.find((each) => each.channel === channel && each.group === group)?.depth
    const subscriptions = await Promise.all(open.map((each) => each.inspect(depthOf(each.detached))))
    return { connected: true, groups, subscriptions }
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#close(deadlineMs))
  }

  onEvent(listener: (event: TransportEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#state = 'closed'
    this.#watch.end()
    for (const visitor of this.#visitors) visitor.fail(this.#closed())
    const { runtime } = this.#context
    const until = runtime.monotonic() + deadlineMs
    const closing = [...this.#subscriptions].map((each) =>
      each.close(deadlineMs).catch((error: unknown) => this.#emitError(error)),
    )
    // On a link that has stopped answering, a subscription cannot say goodbye: ending the link does it for all.
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = runtime.setTimer(deadlineMs + GOODBYE_MS, resolve)))
    await Promise.race([Promise.all(closing), late])
    timer?.cancel()
    await this.#engine.close(Math.max(0, until - runtime.monotonic()))
    this.#listeners.clear()
  }

  #onLink(event: LinkEvent): void {
    if (this.#state !== 'open') return
    if (event.type === 'down') {
      this.#linked = false
      this.#sender.linkLost()
      this.#emit({ type: 'disconnected', error: event.error })
      for (const subscription of this.#subscriptions) subscription.linkDown(event.error)
      for (const visitor of this.#visitors) visitor.fail(event.error)
    } else if (event.type === 'up') {
      this.#linked = true
      void this.#relink()
    } else this.#emit(event)
  }

  async #relink(): Promise<void> {
    const release = this.#context.runtime.hold('taking up the link')
    try {
      await this.#declarer.again()
    } catch (error) {
      // The next send declares what is missing; a subscription declares its own.
      this.#emitError(error)
    } finally {
      release()
    }
    if (!this.#linked) return
    this.#emit({ type: 'connected' })
    for (const subscription of this.#subscriptions) subscription.linkUp()
  }

  #remember(group: Group): void {
    this.#groups.set(`${group.channel.name}:${group.name}`, group)
  }

  #emit(event: TransportEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #emitError(reason: unknown): void {
    this.#emit({ type: 'error', error: reason instanceof Error ? reason : new Error(String(reason)) })
  }

  #requireOpen(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw this.#closed()
    throw new WaybillError('WAYBILL_NOT_CONNECTED', `the ${this.name} transport is not connected`, {
      cure: 'Await connect() first.',
    })
  }

  #closed(cause?: unknown): WaybillError {
    return new WaybillError('WAYBILL_CLOSED', `the ${this.name} transport is closed`, { cause })
  }
}
