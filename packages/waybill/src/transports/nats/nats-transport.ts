import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import { checkVisit } from '../../transport/check-visit.ts'
import { checkChannel, checkGroup, checkTopology } from '../../transport/check-topology.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
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
import type { Context } from './context.ts'
import { visitDeadLetters } from './dead-letters.ts'
import { Declarer } from './declarer.ts'
import { Delays } from './delays.ts'
import { loadDriver, type Driver } from './driver.ts'
import { engineFacts } from './facts.ts'
import { inspectGroup } from './inspection.ts'
import { Link } from './link.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { Names } from './names.ts'
import { openSubscription } from './open-subscription.ts'
import { routeFactsOf } from './route-facts.ts'
import { Sender } from './sender.ts'
import { connectionOptions, type Settings } from './settings.ts'
import { Trim } from './trim.ts'
import { Wire } from './wire.ts'

/** What goodbyes may take beyond the deadline: round trips on a slow link. */
const GOODBYE_MS = 1_000

/** Streams, consumers and core NATS as Waybill's channels, groups and subscriptions. */
export class NatsTransport implements Transport {
  readonly name = 'nats'
  readonly #context: Context
  readonly #link: Link
  readonly #sender: Sender
  readonly #trim: Trim
  readonly #listeners = new Set<(event: TransportEvent) => void>()
  readonly #subscriptions = new Set<LinkedSubscription>()
  readonly #groups = new Map<string, Group>()
  #driver: Driver | undefined
  #wire: Wire | undefined
  #state: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  #closing: Promise<void> | undefined

  constructor(settings: Settings, runtime: Runtime) {
    const names = new Names(settings.prefix)
    const wire = (): Wire => this.#requireWire()
    const emit = (event: TransportEvent): void => this.#emit(event)
    const declarer = new Declarer(wire, names, settings, runtime)
    const delays = new Delays({ wire, names, declarer, runtime, emit })
    this.#context = { settings, names, runtime, declarer, delays, wire, emit }
    this.#sender = new Sender(this.#context)
    this.#trim = new Trim({ wire, names, settings, declarer, runtime, emit })
    this.#link = new Link(
      runtime,
      { addresses: settings.addresses, optionsFor: (driver, address) => connectionOptions(settings, driver, address) },
      {
        prepare: async (connection) => {
          this.#wire = await Wire.open(this.#driver as Driver, connection, settings, runtime) // set by connect
        },
        up: () => void this.#linkUp(),
        down: (error) => this.#linkDown(error),
        trouble: (error) => this.#emit({ type: 'trouble', error }),
        fault: (error) => this.#emit({ type: 'error', error }),
      },
    )
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    if (this.#state !== 'new')
      throw this.#state === 'closed' ? this.#closed() : new TypeError('connect() is called once')
    this.#state = 'connecting'
    try {
      signal.throwIfAborted()
      this.#driver = await loadDriver()
      signal.throwIfAborted()
      await this.#link.connect(this.#driver, signal)
      // close() may have come meanwhile.
      if ((this.#state as string) === 'closed') throw this.#closed()
      this.#state = 'open'
      this.#trim.begin()
      const { info } = this.#link.connection
      return engineFacts(info?.version ?? '', info?.max_payload ?? 0)
    } catch (error) {
      if ((this.#state as string) === 'closed') throw this.#closed(error)
      this.#state = 'new'
      if (!signal.aborted || isWaybillError(error)) throw error
      throw new WaybillError('WAYBILL_ABORTED', 'connect() of the NATS transport was aborted', { cause: error })
    }
  }

  async declare(topology: Topology): Promise<void> {
    this.#requireOpen()
    checkTopology(topology)
    const { declarer } = this.#context
    for (const channel of topology.channels) await declarer.channel(channel)
    for (const group of topology.groups) {
      await declarer.group(group)
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
    return this.#context.names.replies(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    this.#requireOpen()
    checkGroup(group)
    return await routeFactsOf(this.#context, group)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    this.#requireOpen()
    checkVisit(group, visit)
    await visitDeadLetters(this.#context, group, visit)
  }

  async inspect(): Promise<TransportSnapshot> {
    this.#requireOpen()
    if (!this.#link.isUp) return { connected: false, groups: [], subscriptions: [] }
    const inspected = await Promise.all([...this.#groups.values()].map((group) => inspectGroup(this.#context, group)))
    const lagOf = ({ channel, name }: Group): number =>
      inspected.find(({ snapshot }) => snapshot.channel === channel.name && snapshot.group === name)?.lag ?? 0
    const subscriptions = [...this.#subscriptions].map(({ group, attachedSince: since }): SubscriptionSnapshot => ({
      channel: group.channel.name,
      group: group.name,
      attached: since !== undefined,
      since,
      lag: lagOf(group),
    }))
    return { connected: true, groups: inspected.map(({ snapshot }) => snapshot), subscriptions }
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
    this.#trim.end()
    const { runtime, delays } = this.#context
    const closing = [...this.#subscriptions].map((each) =>
      each.close(deadlineMs).catch((error: unknown) => this.#emit({ type: 'error', error: asError(error) })),
    )
    // On a link that has stopped answering, a subscription cannot say goodbye: ending the link does it for all.
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = runtime.setTimer(deadlineMs + GOODBYE_MS, resolve)))
    await Promise.race([Promise.all([...closing, this.#answered()]), late])
    await Promise.race([delays.close().catch(() => undefined), late])
    timer?.cancel()
    await this.#link.close(GOODBYE_MS)
    this.#wire?.publisher.end(this.#closed())
    this.#listeners.clear()
  }

  /** What was published before has its answer, on a link that works. */
  async #answered(): Promise<void> {
    if (this.#link.isUp) await this.#wire?.publisher.idle()
  }

  async #linkUp(): Promise<void> {
    if (this.#state !== 'open') return
    const release = this.#context.runtime.hold('taking up the link')
    const wire = this.#wire
    try {
      await this.#context.declarer.again()
    } catch (error) {
      // The next send declares what is missing; a subscription declares its own.
      this.#emit({ type: 'error', error: asError(error) })
    } finally {
      release()
    }
    if (wire !== this.#wire || !this.#link.isUp) return
    this.#emit({ type: 'connected' })
    this.#context.delays.linkUp()
    for (const subscription of this.#subscriptions) subscription.linkUp()
  }

  #linkDown(error: Error): void {
    this.#wire?.publisher.end(error)
    this.#wire = undefined
    if (this.#state !== 'open') return
    this.#sender.linkLost()
    this.#context.delays.linkDown()
    this.#emit({ type: 'disconnected', error })
    for (const subscription of this.#subscriptions) subscription.linkDown(error)
  }

  #requireWire(): Wire {
    if (this.#wire === undefined || !this.#link.isUp) throw this.#link.unavailable()
    return this.#wire
  }

  #remember(group: Group): void {
    this.#groups.set(`${group.channel.name}:${group.name}`, group)
  }

  #emit(event: TransportEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #requireOpen(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw this.#closed()
    throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the NATS transport is not connected', {
      cure: 'Await connect() first.',
    })
  }

  #closed(cause?: unknown): WaybillError {
    return new WaybillError('WAYBILL_CLOSED', 'the NATS transport is closed', { cause })
  }
}
