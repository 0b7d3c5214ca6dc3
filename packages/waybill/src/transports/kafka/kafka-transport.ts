import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Engine, EngineEvents, Standing } from '../../transport/engine.ts'
import { closedError } from '../../transport/link-errors.ts'
import { Link } from '../../transport/link.ts'
import { LinkedTransport } from '../../transport/linked-transport.ts'
import type { Delivery, Group, Outgoing, SendResult, SubscriptionSpec } from '../../transport/transport.ts'
import type { BrokerAddress, ClusterSettings } from './broker-address.ts'
import { DeadLetterIndex } from './dead-letters/dead-letter-index.ts'
import { DeadLetterVisitor } from './dead-letters/dead-letter-visitor.ts'
import { Declarer } from './declarer.ts'
import { loadDriver } from './driver.ts'
import { inspectGroup, type InspectedKafkaGroup } from './inspection.ts'
import type { KafkaLink } from './kafka-link.ts'
import { newSubscription, type KafkaSubscription } from './new-subscription.ts'
import { linkSettings, openConnection, TITLE, type KafkaAddress, type KafkaConnection } from './open-connection.ts'
import { routeFacts } from './route-facts.ts'
import { Sender } from './sender.ts'
import type { SubscriptionContext } from './subscription-context.ts'
import { topicOf } from './topic-names.ts'

/** What ending the session may take: it says no goodbye. */
const ENDING_MS = 1_000

export class KafkaTransport extends LinkedTransport<KafkaSubscription, InspectedKafkaGroup> {
  constructor(settings: ClusterSettings, runtime: Runtime) {
    super(runtime, (events) => new KafkaEngine(settings, runtime, events))
  }
}

/** Topics, share groups and consumer groups as Waybill's channels, groups and subscriptions. */
class KafkaEngine implements Engine<KafkaSubscription, InspectedKafkaGroup> {
  readonly name = 'kafka'
  readonly title = TITLE
  readonly #settings: ClusterSettings
  readonly #link: Link<KafkaAddress, KafkaConnection>
  readonly #letters: DeadLetterIndex
  readonly #sender: Sender
  readonly #context: SubscriptionContext
  /** As the cluster last told them. */
  #brokers: readonly BrokerAddress[] = []
  #deliveryLimit = Infinity
  #throttle: Timer | undefined

  constructor(settings: ClusterSettings, runtime: Runtime, { up, down, trouble, emit }: EngineEvents) {
    this.#settings = settings
    const link = (): KafkaLink => this.#link.connection
    const declarer = new Declarer(link, settings.options.replicationFactor ?? -1)
    this.#letters = new DeadLetterIndex(runtime, declarer.registry)
    this.#sender = new Sender(link, declarer, runtime)
    this.#context = { runtime, declarer, link, emit }
    const events = {
      up: ({ deliveryLimit }: KafkaConnection) => {
        this.#deliveryLimit = deliveryLimit
        up()
      },
      down: (error: Error, { session, producer }: KafkaConnection) => {
        this.#brokers = session.addresses
        producer.end(error)
        this.#unthrottled()
        down(error)
      },
      trouble,
    }
    this.#link = new Link(
      runtime,
      linkSettings(settings, () => this.#brokers),
      events,
    )
  }

  get isUp(): boolean {
    return this.#link.isUp
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    const driver = await loadDriver()
    signal.throwIfAborted()
    const throttled = (forMs: number): void => this.#throttled(forMs)
    const open = openConnection(driver, this.#settings, this.#context.runtime, throttled)
    return (await this.#link.connect(open, signal)).facts
  }

  async declareChannel(channel: Channel): Promise<void> {
    await this.#context.declarer.channel(channel)
  }

  async declareGroup(group: Group): Promise<void> {
    await this.#context.declarer.group(group, 'now')
  }

  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    return this.#sender.send(batch)
  }

  newSubscription(
    spec: SubscriptionSpec,
    receive: (batch: readonly Delivery[]) => void,
    closed: () => void,
  ): KafkaSubscription {
    return newSubscription(spec, this.#context, receive, closed, () => this.#deliveryLimit)
  }

  returnAddress(channel: Channel): string {
    return topicOf(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    return await routeFacts(this.#link.connection.session, group)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
    await new DeadLetterVisitor(this.#link.connection, this.#letters, group).run(visit)
  }

  async inspectGroup(group: Group): Promise<InspectedKafkaGroup> {
    return await inspectGroup(this.#link.connection, this.#letters, group)
  }

  /** Who believes to be a member is one when the coordinator counts it. */
  standing({ attachedSince, memberId }: KafkaSubscription, group: InspectedKafkaGroup | undefined): Standing {
    const isCounted = memberId === undefined || group?.members.includes(memberId) === true
    return { since: isCounted ? attachedSince : undefined, lag: group?.lag ?? 0 }
  }

  async idle(): Promise<void> {
    if (this.isUp) await this.#link.connection.producer.idle()
  }

  async close(): Promise<void> {
    const producer = this.isUp ? this.#link.connection.producer : undefined
    this.#throttle?.cancel()
    await this.#link.close(ENDING_MS)
    producer?.end(closedError(TITLE))
  }

  /** Told again while it lasts: the last one ends it. */
  #throttled(forMs: number): void {
    if (this.#throttle === undefined)
      this.#context.emit({ type: 'blocked', reason: `the client has used up its quota, and waits ${forMs} ms` })
    this.#throttle?.cancel()
    this.#throttle = this.#context.runtime.setTimer(forMs, () => this.#unthrottled())
  }

  #unthrottled(): void {
    if (this.#throttle === undefined) return
    this.#throttle.cancel()
    this.#throttle = undefined
    this.#context.emit({ type: 'unblocked' })
  }
}
