// The shell of every transport with a link: who may call what when, what becomes of what is under way when the transport is
// closed, who is told of the link, and in which order things end. The rest is the engine's (engine.ts).
//
//   new --connect()--> connecting --ok--> open
//    ^                     |
//    +------failed---------+          any state --close()--> closed
import { asError } from '../message/as-error.ts'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Channel } from './channel.ts'
import { checkSubscription } from './check-subscription.ts'
import { checkChannel, checkGroup, checkTopology } from './check-topology.ts'
import { checkVisit } from './check-visit.ts'
import type { DeadLetterVisit } from './dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from './engine-facts.ts'
import type { Engine, EngineEvents, EngineSubscription, InspectedGroup } from './engine.ts'
import { closedError } from './link-errors.ts'
import { OpenSubscriptions } from './open-subscriptions.ts'
import { settledWithin } from './settled-within.ts'
import type { TransportEvent } from './transport-event.ts'
import type {
  Delivery,
  Group,
  Outgoing,
  SendResult,
  Subscription,
  SubscriptionSpec,
  Topology,
  Transport,
  TransportSnapshot,
} from './transport.ts'

/** What goodbyes may take beyond the deadline: a few round trips on a slow link. */
const GOODBYE_MS = 1_500

export class LinkedTransport<
  S extends EngineSubscription = EngineSubscription,
  G extends InspectedGroup = InspectedGroup,
> implements Transport {
  readonly name: string
  readonly sendWithin?: NonNullable<Transport['sendWithin']>
  readonly #runtime: Runtime
  readonly #engine: Engine<S, G>
  readonly #listeners = new Set<(event: TransportEvent) => void>()
  readonly #subscriptions: OpenSubscriptions<S, G>
  readonly #groups = new Map<string, Group>()
  #state: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  /** Counts how often the link came and went: who waited meanwhile finds out. */
  #turns = 0
  #closing: Promise<void> | undefined

  /** @param make is given whom to tell; it may not do so before it returns */
  constructor(runtime: Runtime, make: (events: EngineEvents) => Engine<S, G>) {
    this.#runtime = runtime
    const engine = make({
      up: () => void this.#linkUp(),
      down: (error) => this.#linkDown(error),
      trouble: (error) => this.#emit({ type: 'trouble', error }),
      emit: (event) => this.#emit(event),
    })
    this.#engine = engine
    this.#subscriptions = new OpenSubscriptions(engine)
    this.name = engine.name
    const sendWithin = engine.sendWithin?.bind(engine)
    if (sendWithin !== undefined)
      this.sendWithin = async (tx, batch) => {
        this.#requireOpen()
        return await sendWithin(tx, batch)
      }
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    if (this.#isClosed()) throw this.#closed()
    if (this.#state !== 'new') throw new TypeError('connect() is called once')
    this.#state = 'connecting'
    try {
      signal.throwIfAborted()
      const facts = await this.#engine.connect(signal)
      if (this.#isClosed()) throw this.#closed()
      this.#state = 'open'
      this.#engine.begin?.()
      return facts
    } catch (error) {
      if (this.#isClosed()) throw this.#closed(error)
      this.#state = 'new'
      if (!signal.aborted || isWaybillError(error)) throw error
      const what = `connect() of the ${this.#engine.title} transport was aborted`
      throw new WaybillError('WAYBILL_ABORTED', what, { cause: error })
    }
  }

  declare(topology: Topology): Promise<void> {
    return this.#ask(async () => {
      checkTopology(topology)
      for (const channel of topology.channels) await this.#engine.declareChannel(channel)
      for (const group of topology.groups) {
        await this.#engine.declareGroup(group)
        this.#remember(group)
      }
    })
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    this.#requireOpen()
    return await this.#engine.send(batch)
  }

  subscribe(spec: SubscriptionSpec, receive: (batch: readonly Delivery[]) => void): Promise<Subscription> {
    return this.#ask(async () => {
      checkSubscription(spec)
      const release = this.#runtime.hold('subscribing')
      try {
        const subscription = await this.#subscriptions.begin(spec, receive, () => this.#requireOpen())
        if (!spec.transient) this.#remember(spec.group)
        return subscription
      } finally {
        release()
      }
    })
  }

  addressOf(channel: Channel): string {
    checkChannel(channel)
    if (channel.kind !== 'reply')
      throw new TypeError(`a ${channel.kind} channel has no return address: ${channel.name}`)
    return this.#engine.returnAddress(channel)
  }

  routeFacts(group: Group): Promise<RouteFacts> {
    return this.#ask(async () => {
      checkGroup(group)
      return await this.#engine.routeFacts(group)
    })
  }

  visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    return this.#whileOpen(async () => {
      checkVisit(group, visit)
      await this.#engine.visitDeadLetters(group, visit)
    })
  }

  inspect(): Promise<TransportSnapshot> {
    return this.#ask(async () => {
      if (!this.#engine.isUp)
        return { connected: false, groups: [], subscriptions: await this.#subscriptions.inspect(undefined) }
      const groups = await Promise.all([...this.#groups.values()].map((group) => this.#engine.inspectGroup(group)))
      const subscriptions = await this.#subscriptions.inspect(groups)
      return { connected: true, groups: groups.map(({ snapshot }) => snapshot), subscriptions }
    })
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
    const until = this.#runtime.monotonic() + deadlineMs
    this.#engine.end?.(this.#closed())
    // On a link that has stopped answering, a subscription cannot say goodbye: ending the link does it for all.
    await settledWithin(deadlineMs + GOODBYE_MS, this.#goodbye(deadlineMs), this.#runtime)
    await this.#engine.close(Math.max(0, until - this.#runtime.monotonic()))
    this.#listeners.clear()
  }

  async #goodbye(deadlineMs: number): Promise<void> {
    await this.#subscriptions.close(deadlineMs, (error) => this.#emit({ type: 'error', error }))
    await this.#engine.idle?.()
  }

  async #linkUp(): Promise<void> {
    if (this.#state !== 'open') return
    const turn = ++this.#turns
    // It may have been lost meanwhile, and even be up again: then the next turn does, and tells, all of this.
    const isOver = (): boolean => turn !== this.#turns || this.#isClosed()
    const release = this.#runtime.hold('taking up the link')
    try {
      await this.#engine.restore?.()
    } catch (error) {
      // The next send declares what is missing; a subscription declares its own.
      if (!isOver()) this.#emit({ type: 'error', error: asError(error) })
    } finally {
      release()
    }
    if (isOver()) return
    this.#emit({ type: 'connected' })
    this.#engine.resume?.()
    this.#subscriptions.linkUp()
  }

  #linkDown(error: Error): void {
    this.#turns++
    if (this.#state !== 'open') return
    this.#emit({ type: 'disconnected', error })
    this.#subscriptions.linkDown(error)
  }

  /** What was begun in time, and failed because the transport was closed, says so. */
  async #whileOpen<T>(use: () => Promise<T>): Promise<T> {
    this.#requireOpen()
    try {
      return await use()
    } catch (error) {
      throw this.#isClosed() ? this.#closed(error) : error
    }
  }

  /** For what throws nothing of the user's own. */
  #ask<T>(use: () => Promise<T>): Promise<T> {
    return this.#whileOpen(async () => {
      try {
        return await use()
      } catch (error) {
        throw error instanceof TypeError ? error : (this.#engine.errorOf?.(error) ?? error)
      }
    })
  }

  #remember(group: Group): void {
    this.#groups.set(`${group.channel.name}:${group.name}`, group)
  }

  #emit(event: TransportEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #requireOpen(): void {
    if (this.#state === 'open') return
    if (this.#isClosed()) throw this.#closed()
    throw new WaybillError('WAYBILL_NOT_CONNECTED', `the ${this.#engine.title} transport is not connected`, {
      cure: 'Await connect() first.',
    })
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #closed(cause?: unknown): WaybillError {
    return closedError(this.#engine.title, cause)
  }
}
