import type { Release, Runtime } from '../../runtime/runtime.ts'
import type { Channel } from '../../transport/channel.ts'
import type { DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Engine, EngineEvents, InspectedGroup, Standing } from '../../transport/engine.ts'
import { LinkedTransport } from '../../transport/linked-transport.ts'
import type { Delivery, Group, Outgoing, SendResult, SubscriptionSpec } from '../../transport/transport.ts'
import { AttachmentWatch, CHECK_EVERY_MS } from './attachment-watch.ts'
import { DeadLetterVisitor } from './dead-letter-visitor.ts'
import { Declarer } from './declarer.ts'
import type { AmqpEngine, LinkEvent } from './engine.ts'
import { inspectGroup } from './inspection.ts'
import { newSubscription, type AmqpSubscription } from './new-subscription.ts'
import { Sender } from './sender.ts'
import type { SubscriptionContext } from './subscription-context.ts'
import { channelTopology, entityOf, groupTopology, sourceOf } from './topology.ts'

export class AmqpTransport extends LinkedTransport<AmqpSubscription> {
  /** @param checkEveryMs between questions whether the broker still counts the consumers, where it may lose one silently */
  constructor(engine: AmqpEngine, runtime: Runtime, checkEveryMs: number = CHECK_EVERY_MS) {
    super(runtime, (events) => new QueueModel(engine, runtime, checkEveryMs, events))
  }
}

/** Queues, exchanges and consumers as Waybill's channels, groups and subscriptions, over any AMQP engine. */
class QueueModel implements Engine<AmqpSubscription> {
  readonly name: string
  readonly title: string
  readonly #engine: AmqpEngine
  readonly #events: EngineEvents
  readonly #declarer: Declarer
  readonly #sender: Sender
  readonly #context: SubscriptionContext
  readonly #subscriptions = new Set<AmqpSubscription>()
  readonly #visitors = new Set<DeadLetterVisitor>()
  readonly #watch: AttachmentWatch
  #isUp = false

  constructor(engine: AmqpEngine, runtime: Runtime, checkEveryMs: number, events: EngineEvents) {
    this.name = engine.name
    this.title = engine.name
    this.#engine = engine
    this.#events = events
    this.#declarer = new Declarer(engine)
    this.#sender = new Sender(engine, this.#declarer, runtime)
    this.#watch = new AttachmentWatch(this.#subscriptions, runtime, checkEveryMs)
    this.#context = { engine, declarer: this.#declarer, runtime, emit: events.emit }
    engine.onLink((event) => this.#onLink(event))
  }

  get isUp(): boolean {
    return this.#isUp
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    const facts = await this.#engine.connect(signal)
    this.#isUp = true
    return facts
  }

  begin(): void {
    if (this.#engine.losesConsumersSilently) this.#watch.begin()
  }

  async restore(): Promise<void> {
    await this.#declarer.again()
  }

  async declareChannel(channel: Channel): Promise<void> {
    await this.#declarer.declare(channelTopology(channel))
  }

  async declareGroup(group: Group): Promise<void> {
    await this.#declarer.claim(group)
    // A query's or survey's queue lives while somebody listens; subscribe() makes it.
    if (group.channel.kind !== 'query' && group.channel.kind !== 'survey')
      await this.#declarer.declare(groupTopology(group))
  }

  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    return this.#sender.send(batch)
  }

  async newSubscription(
    spec: SubscriptionSpec,
    receive: (batch: readonly Delivery[]) => void,
    closed: () => void,
  ): Promise<AmqpSubscription> {
    const subscription: AmqpSubscription = await newSubscription(spec, this.#context, receive, () => {
      this.#subscriptions.delete(subscription)
      closed()
    })
    this.#subscriptions.add(subscription)
    return subscription
  }

  returnAddress(channel: Channel): string {
    return entityOf(channel)
  }

  async routeFacts(group: Group): Promise<RouteFacts> {
    const { life, isForeign } = sourceOf(group)
    return this.#engine.routeFacts(life, isForeign)
  }

  async visitDeadLetters(group: Group, visit: DeadLetterVisit): Promise<void> {
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

  async inspectGroup(group: Group): Promise<InspectedGroup> {
    const snapshot = await inspectGroup(this.#engine, group)
    return { snapshot, lag: snapshot.depth }
  }

  standing(subscription: AmqpSubscription, group: InspectedGroup | undefined): Promise<Standing> {
    return subscription.inspect(group?.lag)
  }

  end(closed: Error): void {
    this.#watch.end()
    for (const visitor of this.#visitors) visitor.fail(closed)
  }

  async close(leftMs: number): Promise<void> {
    await this.#engine.close(leftMs)
  }

  #onLink(event: LinkEvent): void {
    if (event.type === 'down') {
      this.#isUp = false
      this.#sender.linkLost()
      this.#events.down(event.error)
      for (const visitor of this.#visitors) visitor.fail(event.error)
    } else if (event.type === 'up') {
      this.#isUp = true
      this.#events.up()
    } else this.#events.emit(event)
  }
}
