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
  Delivery, Group, Outgoing, SendResult, Subscription, SubscriptionSpec, Topology, Transport, TransportSnapshot,
} from '../../transport/transport.ts' // prettier-ignore
import type { ClusterSettings } from './broker-address.ts'
import { DeadLetterIndex } from './dead-letters/dead-letter-index.ts'
import { DeadLetterVisitor } from './dead-letters/dead-letter-visitor.ts'
import { Declarer } from './declarer.ts'
import { loadDriver } from './driver.ts'
import { engineFacts } from './facts.ts'
import { Fetcher } from './fetcher.ts'
import { inspectGroup } from './inspection.ts'
import type { KafkaLink } from './kafka-link.ts'
import type { LinkedSubscription, SubscriptionContext } from './subscription-context.ts'
import { Link } from './link.ts'
import { openSubscription } from './open-subscription.ts'
import { Producer } from './producer.ts'
import { deliveryLimit, routeFacts } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { Session } from './session.ts'
import { shareApis } from './share/share-apis.ts'
import { topicOf } from './topic-names.ts'

/** What closing subscriptions may take beyond the deadline: a few round trips on a slow link. */
const GOODBYE_MS = 1_500

/** Topics, share groups and consumer groups as Waybill's channels, groups and subscriptions. */
export class KafkaTransport implements Transport {
  readonly name = 'kafka'
  readonly #link: Link
  readonly #declarer: Declarer
  readonly #letters: DeadLetterIndex
  readonly #sender: Sender
  readonly #context: SubscriptionContext
  readonly #listeners = new Set<(event: TransportEvent) => void>()
  readonly #subscriptions = new Map<LinkedSubscription, Group>()
  readonly #groups = new Map<string, Group>()
  #state: 'new' | 'connecting' | 'open' | 'closed' = 'new'
  #present: KafkaLink | undefined
  #facts: EngineFacts | undefined
  /** How often the cluster gives a record of a share group out. */
  #deliveryLimit = Infinity
  #throttle: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(settings: ClusterSettings, runtime: Runtime) {
    this.#link = new Link(settings, runtime, {
      prepare: (session) => this.#prepare(session),
      up: () => this.#up(),
      down: (error) => this.#down(error),
      trouble: (error) => this.#emit({ type: 'trouble', error }),
    })
    const link = (): KafkaLink => this.#linked()
    this.#declarer = new Declarer(link, settings.options.replicationFactor ?? -1)
    this.#letters = new DeadLetterIndex(runtime, this.#declarer.registry)
    this.#sender = new Sender(link, this.#declarer, runtime)
    this.#context = { runtime, declarer: this.#declarer, link, emit: (event) => this.#emit(event) }
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    if (this.#state !== 'new')
      throw this.#state === 'closed' ? this.#closed() : new TypeError('connect() is called once')
    this.#state = 'connecting'
    try {
      signal.throwIfAborted()
      await this.#link.connect(await loadDriver(), signal)
      if (this.#isClosed()) throw this.#closed()
      this.#state = 'open'
      return this.#facts as EngineFacts // a prepared session has told them
    } catch (error) {
      if (this.#isClosed()) throw this.#closed(error)
      this.#state = 'new'
      if (!signal.aborted) throw error
      throw new WaybillError('WAYBILL_ABORTED', 'connect() of the kafka transport was aborted', { cause: error })
    }
  }

  async declare(topology: Topology): Promise<void> {
    this.#requireOpen()
    checkTopology(topology)
    for (const channel of topology.channels) await this.#declarer.channel(channel)
    for (const group of topology.groups) {
      await this.#declarer.group(group, 'now')
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
      const subscription = await openSubscription(
        spec,
        this.#context,
        receive,
        {
          opening: (opening) => void this.#subscriptions.set(opening, spec.group),
          closed: (closed) => void this.#subscriptions.delete(closed),
        },
        () => this.#deliveryLimit,
      )
      if (this.#isClosed()) {
        await subscription.close(0)
        throw this.#closed()
      }
      if (!spec.transient) this.#remember(spec.group)
      return subscription
    } catch (error) {
      throw this.#isClosed() ? this.#closed(error) : error
    } finally {
      release()
    }
  }

  addressOf(channel: Channel): string {
    checkChannel(channel)
    if (channel.kind !== 'reply')
      throw new TypeError(`a ${channel.kind} channel has no return address: ${channel.name}`)
    return topicOf(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    this.#requireOpen()
    checkGroup(group)
    return await routeFacts(this.#linked().session, group)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    this.#requireOpen()
    checkVisit(group, visit)
    await new DeadLetterVisitor(this.#linked(), this.#letters, group).run(visit)
  }

  async inspect(): Promise<TransportSnapshot> {
    this.#requireOpen()
    const link = this.#present
    if (link === undefined || !this.#link.isUp) return { connected: false, groups: [], subscriptions: [] }
    const groups = await Promise.all(
      [...this.#groups.values()].map((group) => inspectGroup(link, this.#letters, group)),
    )
    const subscriptions = [...this.#subscriptions].map(([{ attachedSince, memberId }, { channel, name }]) => {
      const found = groups.find(({ snapshot }) => snapshot.channel === channel.name && snapshot.group === name)
      const isCounted = memberId === undefined || found?.members.includes(memberId) === true
      const since = isCounted ? attachedSince : undefined
      const lag = found?.snapshot.depth ?? 0
      return { channel: channel.name, group: name, attached: since !== undefined, since, lag }
    })
    return { connected: true, groups: groups.map(({ snapshot }) => snapshot), subscriptions }
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
    const { runtime } = this.#context
    const closing = [...this.#subscriptions.keys()].map((each) =>
      each.close(deadlineMs).catch((error: unknown) => this.#emitError(error)),
    )
    const producing = this.#present?.producer.idle()
    // On a link that has stopped answering nobody can say goodbye: ending the link does it for all.
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = runtime.setTimer(deadlineMs + GOODBYE_MS, resolve)))
    await Promise.race([Promise.all([...closing, producing]), late])
    timer?.cancel()
    this.#throttle?.cancel()
    this.#link.close()
    this.#present?.producer.end(this.#closed())
    this.#present = undefined
    this.#listeners.clear()
  }

  async #prepare(session: Session): Promise<void> {
    const [facts, limit, producer] = await Promise.all([
      engineFacts(session),
      deliveryLimit(session),
      Producer.open(session, (forMs) => this.#throttled(forMs)),
    ])
    this.#facts = facts
    this.#deliveryLimit = limit
    this.#present = { session, producer, fetcher: new Fetcher(session, 'shared'), share: shareApis(session.driver) }
  }

  /** Told again while it lasts: the last one ends it. */
  #throttled(forMs: number): void {
    if (this.#throttle === undefined)
      this.#emit({ type: 'blocked', reason: `the client has used up its quota, and waits ${forMs} ms` })
    this.#throttle?.cancel()
    this.#throttle = this.#context.runtime.setTimer(forMs, () => this.#unthrottled())
  }

  #unthrottled(): void {
    if (this.#throttle === undefined) return
    this.#throttle.cancel()
    this.#throttle = undefined
    this.#emit({ type: 'unblocked' })
  }

  #up(): void {
    if (this.#state !== 'open') return
    this.#emit({ type: 'connected' })
    for (const subscription of this.#subscriptions.keys()) subscription.linkUp()
  }

  #down(error: Error): void {
    this.#present?.producer.end(error)
    this.#present = undefined
    this.#unthrottled()
    if (this.#state !== 'open') return
    this.#emit({ type: 'disconnected', error })
    for (const subscription of this.#subscriptions.keys()) subscription.linkDown(error)
  }

  #linked(): KafkaLink {
    // The link's own error tells which addresses are tried.
    if (this.#present === undefined || !this.#link.isUp) throw this.#link.unavailable()
    return this.#present
  }

  #remember(group: Group): void {
    this.#groups.set(`${group.channel.name}:${group.name}`, group)
  }

  #emit(event: TransportEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #emitError(reason: unknown): void {
    this.#emit({ type: 'error', error: asError(reason) })
  }

  #requireOpen(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw this.#closed()
    throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the kafka transport is not connected', {
      cure: 'Await connect() first.',
    })
  }

  #isClosed(): boolean {
    return (this.#state as string) === 'closed'
  }

  #closed(cause?: unknown): WaybillError {
    if (isWaybillError(cause, 'WAYBILL_CLOSED')) return cause
    return new WaybillError('WAYBILL_CLOSED', 'the kafka transport is closed', { cause })
  }
}
