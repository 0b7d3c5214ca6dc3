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
import { loadDriver, type Driver } from './driver.ts'
import { engineFacts } from './facts.ts'
import { Housekeeping } from './housekeeping.ts'
import { inspectGroup } from './inspection.ts'
import { Leases } from './leases.ts'
import { Link } from './link.ts'
import type { LinkedSubscription } from '../../transport/linked-subscription.ts'
import { channelKey } from './names.ts'
import { Notifier } from './notifier.ts'
import { openSubscription } from './open-subscription.ts'
import { statementError } from './postgres-errors.ts'
import { Publisher } from './publisher.ts'
import { routeFactsOf } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { Settings } from './settings.ts'
import { statementsOf } from './sql/statements.ts'
import { Wire } from './wire.ts'
import { publishWithin } from './within-transaction.ts'

/** What goodbyes may take beyond the deadline: round trips on a slow link. */
const GOODBYE_MS = 1_000

/** Rows of a queue as Waybill's channels, groups and subscriptions. */
export class PostgresTransport implements Transport {
  readonly name = 'postgres'
  readonly #context: Context
  readonly #link: Link
  readonly #sender: Sender
  readonly #housekeeping: Housekeeping
  readonly #listeners = new Set<(event: TransportEvent) => void>()
  readonly #subscriptions = new Set<LinkedSubscription>()
  readonly #groups = new Map<string, Group>()
  #driver: Driver | undefined
  /** Of the link of now. */
  #publisher: Publisher | undefined
  #state: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  #closing: Promise<void> | undefined

  constructor(settings: Settings, runtime: Runtime) {
    const sql = statementsOf(settings.schema)
    const wire = (): Wire => this.#link.wire
    const emit = (event: TransportEvent): void => this.#emit(event)
    const notifier = new Notifier(wire, sql, runtime)
    const declarer = new Declarer(wire, sql)
    const leases = new Leases({ wire, sql, settings, runtime, notifier, emit })
    this.#context = { settings, runtime, sql, declarer, leases, notifier, wire, emit }
    this.#sender = new Sender(() => this.#requirePublisher(), declarer, runtime)
    this.#housekeeping = new Housekeeping({ wire, sql, settings, runtime, emit })
    this.#link = new Link(
      runtime,
      settings.addresses,
      (address, signal, lost) => Wire.open(this.#driver as Driver, address, settings, runtime, signal, lost), // set by connect
      {
        up: (opened) => this.#linkUp(opened),
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
      this.#driver = await loadDriver()
      signal.throwIfAborted()
      const wire = await this.#link.connect(signal)
      // close() may have come meanwhile.
      if ((this.#state as string) === 'closed') throw this.#closed()
      this.#state = 'open'
      this.#housekeeping.begin()
      if (wire.trouble !== undefined) this.#emit({ type: 'trouble', error: wire.trouble })
      return engineFacts(wire.version)
    } catch (error) {
      if ((this.#state as string) === 'closed') throw this.#closed(error)
      this.#state = 'new'
      if (!signal.aborted || isWaybillError(error)) throw error
      throw new WaybillError('WAYBILL_ABORTED', 'connect() of the PostgreSQL transport was aborted', { cause: error })
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

  async sendWithin(tx: unknown, batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    this.#requireOpen()
    const { sql, settings } = this.#context
    return await this.#sender.sendBy(batch, (publications) => publishWithin(tx, publications, sql, settings.schema))
  }

  async subscribe(spec: SubscriptionSpec, receive: (batch: readonly Delivery[]) => void): Promise<Subscription> {
    this.#requireOpen()
    const release = this.#context.runtime.hold('subscribing')
    try {
      const subscription = await this.#asked(() =>
        openSubscription(spec, this.#context, receive, {
          opening: (opening) => void this.#subscriptions.add(opening),
          closed: (closed) => void this.#subscriptions.delete(closed),
        }),
      )
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
    return channelKey(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    this.#requireOpen()
    checkGroup(group)
    return await this.#asked(() => routeFactsOf(this.#context, group))
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    this.#requireOpen()
    checkVisit(group, visit)
    await visitDeadLetters(this.#context, group, visit, (use) => this.#asked(use))
  }

  async inspect(): Promise<TransportSnapshot> {
    this.#requireOpen()
    if (!this.#link.isUp) return { connected: false, groups: [], subscriptions: [] }
    const inspected = await this.#asked(() =>
      Promise.all([...this.#groups.values()].map((group) => inspectGroup(this.#context, group))),
    )
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
    this.#housekeeping.end()
    const { runtime, leases, notifier } = this.#context
    const closing = [...this.#subscriptions].map((each) =>
      each.close(deadlineMs).catch((error: unknown) => this.#emit({ type: 'error', error: asError(error) })),
    )
    // On a link that has stopped answering, a subscription cannot say goodbye: ending the link does it for all.
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = runtime.setTimer(deadlineMs + GOODBYE_MS, resolve)))
    await Promise.race([Promise.all([...closing, this.#publisher?.idle()]), late])
    await Promise.race([notifier.idle(), late])
    timer?.cancel()
    leases.end()
    await this.#link.close(GOODBYE_MS)
    this.#publisher?.end(this.#closed())
    this.#listeners.clear()
  }

  #linkUp(wire: Wire): void {
    const { sql, settings, notifier, runtime, leases } = this.#context
    this.#publisher = new Publisher(wire, sql, settings.schema, notifier, runtime)
    leases.begin(wire)
    if (this.#state !== 'open') return
    this.#emit({ type: 'connected' })
    if (wire.trouble !== undefined) this.#emit({ type: 'trouble', error: wire.trouble })
    for (const subscription of this.#subscriptions) subscription.linkUp()
  }

  #linkDown(error: Error): void {
    this.#publisher?.end(error)
    this.#publisher = undefined
    this.#context.leases.end()
    if (this.#state !== 'open') return
    this.#emit({ type: 'disconnected', error })
    for (const subscription of this.#subscriptions) subscription.linkDown(error)
  }

  #requirePublisher(): Publisher {
    if (this.#link.wire.isEnded || this.#publisher === undefined) throw this.#closed()
    return this.#publisher
  }

  /** The server's refusals, and a link that broke meanwhile, as Waybill's errors. */
  async #asked<T>(use: () => Promise<T>): Promise<T> {
    try {
      return await use()
    } catch (error) {
      if (this.#state === 'closed') throw this.#closed(error)
      throw error instanceof TypeError ? error : statementError('PostgreSQL', error)
    }
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
    throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the PostgreSQL transport is not connected', {
      cure: 'Await connect() first.',
    })
  }

  #closed(cause?: unknown): WaybillError {
    return new WaybillError('WAYBILL_CLOSED', 'the PostgreSQL transport is closed', { cause })
  }
}
