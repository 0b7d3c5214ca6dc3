import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import { checkVisit } from '../../transport/check-visit.ts'
import { checkChannel, checkGroup, checkTopology } from '../../transport/check-topology.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import { Link } from '../../transport/link.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
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
import { Bell } from './bell.ts'
import type { Connection } from './connection.ts'
import type { Context } from './context.ts'
import { visitDeadLetters } from './dead-letters.ts'
import { Declarer } from './declarer.ts'
import { loadDriver } from './driver.ts'
import { engineFacts, SIGNAL_FACTS } from './facts.ts'
import { inspectGroup } from './inspection.ts'
import { Later } from './later.ts'
import { Names } from './names.ts'
import { openConnection } from './open-connection.ts'
import { openSubscription } from './open-subscription.ts'
import { Published } from './published.ts'
import { routeFactsOf } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { RedisAddress } from './redis-address.ts'
import type { Settings } from './settings.ts'
import { Trim } from './trim.ts'

/** What goodbyes may take beyond the deadline: round trips on a slow link. */
const GOODBYE_MS = 1_000

/** Streams and consumer groups as Waybill's channels, groups and subscriptions. */
export class RedisTransport implements Transport {
  readonly name = 'redis'
  readonly #context: Context
  readonly #link: Link<RedisAddress, Connection>
  readonly #sender: Sender
  readonly #trim: Trim
  readonly #listeners = new Set<(event: TransportEvent) => void>()
  readonly #subscriptions = new Set<LinkedSubscription>()
  readonly #groups = new Map<string, Group>()
  #state: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  #closing: Promise<void> | undefined

  constructor(settings: Settings, runtime: Runtime) {
    const names = new Names(settings.prefix)
    const connection = (): Connection => this.#link.connection
    const emit = (event: TransportEvent): void => this.#emit(event)
    const declarer = new Declarer(connection, names)
    const bell = new Bell(runtime, connection)
    const later = new Later({ connection, names, runtime, bell, emit })
    const published = new Published(connection)
    this.#context = { settings, names, runtime, declarer, bell, later, published, connection, emit }
    this.#sender = new Sender(this.#context)
    this.#trim = new Trim(this.#context)
    this.#link = new Link(
      runtime,
      { title: 'Redis', addresses: () => Promise.resolve(settings.addresses) },
      {
        up: () => void this.#linkUp(),
        down: (error) => this.#linkDown(error),
        trouble: (error) => this.#emit({ type: 'trouble', error }),
      },
    )
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    if (this.#state !== 'new')
      throw this.#state === 'closed' ? this.#closed() : new TypeError('connect() is called once')
    this.#state = 'connecting'
    try {
      signal.throwIfAborted()
      const driver = await loadDriver()
      signal.throwIfAborted()
      await this.#link.connect(openConnection(driver, this.#context.settings, this.#context.runtime), signal)
      // close() may have come meanwhile.
      if ((this.#state as string) === 'closed') throw this.#closed()
      this.#state = 'open'
      this.#trim.begin()
      const version = this.#link.connection.info.get('redis_version') ?? ''
      return engineFacts(version, this.#context.settings.maxMessageBytes)
    } catch (error) {
      if ((this.#state as string) === 'closed') throw this.#closed(error)
      this.#state = 'new'
      if (!signal.aborted || isWaybillError(error)) throw error
      throw new WaybillError('WAYBILL_ABORTED', 'connect() of the Redis transport was aborted', { cause: error })
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
    return this.#context.names.base(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    this.#requireOpen()
    checkGroup(group)
    return group.channel.kind === 'signals' ? SIGNAL_FACTS : await routeFactsOf(this.#context)
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
    this.#context.later.end()
    const { runtime } = this.#context
    const closing = [...this.#subscriptions].map((each) =>
      each.close(deadlineMs).catch((error: unknown) => this.#emit({ type: 'error', error: asError(error) })),
    )
    // On a link that has stopped answering, a subscription cannot say goodbye: ending the link does it for all.
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = runtime.setTimer(deadlineMs + GOODBYE_MS, resolve)))
    await Promise.race([Promise.all([...closing, this.#answered()]), late])
    timer?.cancel()
    this.#context.published.reset()
    await this.#link.close(GOODBYE_MS)
    this.#listeners.clear()
  }

  /** The server answers in order: what was sent before has its answer when this has. */
  async #answered(): Promise<void> {
    if (this.#link.isUp) await this.#link.connection.command('PING').catch(() => undefined)
  }

  async #linkUp(): Promise<void> {
    if (this.#state !== 'open') return
    const release = this.#context.runtime.hold('taking up the link')
    const { connection } = this.#link
    try {
      await this.#context.declarer.again()
    } catch (error) {
      // A subscription declares its own.
      this.#emit({ type: 'error', error: asError(error) })
    } finally {
      release()
    }
    if (connection.isClosed) return
    this.#emit({ type: 'connected' })
    this.#context.later.linkUp()
    for (const subscription of this.#subscriptions) subscription.linkUp()
  }

  #linkDown(error: Error): void {
    if (this.#state !== 'open') return
    this.#context.bell.reset()
    this.#context.later.linkDown()
    this.#context.published.reset()
    this.#emit({ type: 'disconnected', error })
    for (const subscription of this.#subscriptions) subscription.linkDown(error)
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
    throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the Redis transport is not connected', {
      cure: 'Await connect() first.',
    })
  }

  #closed(cause?: unknown): WaybillError {
    return new WaybillError('WAYBILL_CLOSED', 'the Redis transport is closed', { cause })
  }
}
