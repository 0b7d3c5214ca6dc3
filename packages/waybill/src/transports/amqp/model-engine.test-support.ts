// A broker in a few hundred lines, exact and in memory, with faults on demand: the port's contract as a model to test
// the transport against. Deliveries and answers come in later turns, as over a wire.
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type {
  AmqpConsumer,
  AmqpDelivery,
  AmqpEngine,
  ConsumerEvents,
  ConsumeSpec,
  ExchangeSpec,
  LinkEvent,
  Publication,
  PublishResult,
  QueueSpec,
} from './engine.ts'

interface Stored {
  readonly order: number
  readonly publication: Publication
  count: number
}

interface Attached {
  readonly engine: ModelEngine
  readonly spec: ConsumeSpec
  readonly events: ConsumerEvents
  readonly unacked: Map<number, Stored>
  prefetch: number
  nextTag: number
}

interface Queue {
  readonly spec: QueueSpec
  readonly owner: ModelEngine | undefined
  readonly ready: Stored[]
  readonly consumers: Attached[]
}

/** The broker that several model engines, as processes would, connect to. */
export class ModelBroker {
  readonly runtime: Runtime
  readonly queues = new Map<string, Queue>()
  readonly exchanges = new Map<string, ExchangeSpec>()
  readonly bindings: { queue: string; exchange: string; pattern: RegExp; key: string }[] = []
  /** Answers publications instead of the broker, when it returns something: `refused` is not stored, `unknown` is. */
  fault: ((publication: Publication) => 'refused' | 'unknown' | 'lost' | undefined) | undefined
  /** `RouteFacts.limits.settleWithinMs`. */
  settleWithinMs = Infinity
  #order = 0

  constructor(runtime: Runtime) {
    this.runtime = runtime
  }

  engine(): ModelEngine {
    return new ModelEngine(this)
  }

  /** Ids of the ready and unacknowledged messages of a queue. */
  ids(queue: string): readonly string[] {
    return this.messages(queue).map(({ id }) => id)
  }

  /** Unacknowledged ones first. */
  messages(queue: string): readonly WireMessage[] {
    const found = this.queues.get(queue)
    if (found === undefined) return []
    const unacked = found.consumers.flatMap((each) => [...each.unacked.values()])
    return [...unacked, ...found.ready].map((stored) => stored.publication.message)
  }

  route(publication: Publication): boolean {
    const targets =
      publication.exchange === ''
        ? [publication.routingKey]
        : this.bindings
            .filter((b) => b.exchange === publication.exchange && b.pattern.test(publication.routingKey))
            .map((b) => b.queue)
    const queues = [...new Set(targets)].map((name) => this.queues.get(name)).filter((queue) => queue !== undefined)
    for (const queue of queues) {
      queue.ready.push({ order: ++this.#order, publication, count: 0 })
      this.pump(queue)
    }
    return queues.length > 0
  }

  pump(queue: Queue): void {
    const release = this.runtime.hold('model delivery')
    this.runtime.defer(() => {
      this.#deliver(queue)
      release()
    })
  }

  #deliver(queue: Queue): void {
    const consumers = queue.spec.singleActiveConsumer ? queue.consumers.slice(0, 1) : queue.consumers
    for (const consumer of consumers) {
      const room = consumer.prefetch === 0 ? Infinity : consumer.prefetch - consumer.unacked.size
      const taken = queue.ready.splice(0, Math.max(0, Math.min(room, queue.ready.length)))
      if (taken.length === 0) continue
      const batch = taken.map((stored): AmqpDelivery => {
        const tag = consumer.nextTag++
        if (consumer.spec.noAck !== true) consumer.unacked.set(tag, stored)
        const redelivered = stored.count++ > 0
        const { message, routingKey } = stored.publication
        return { message, tag, redelivered, deliveryCount: stored.count, routingKey }
      })
      consumer.events.deliver(batch)
    }
  }

  giveBack(queue: Queue, stored: readonly Stored[]): void {
    queue.ready.push(...stored)
    queue.ready.sort((a, b) => a.order - b.order)
    this.pump(queue)
  }

  detach(queueName: string, consumer: Attached): void {
    const queue = this.queues.get(queueName)
    const at = queue?.consumers.indexOf(consumer) ?? -1
    if (queue === undefined || at < 0) return
    queue.consumers.splice(at, 1)
    this.giveBack(queue, [...consumer.unacked.values()])
    consumer.unacked.clear()
    if (queue.spec.life === 'shared-transient' && queue.consumers.length === 0) this.drop(queueName)
  }

  /** Forgets the consumers of a queue, or those of one engine, and tells nobody. */
  forget(queueName: string, of?: ModelEngine): void {
    const consumers = this.queues.get(queueName)?.consumers.slice() ?? []
    for (const consumer of consumers) if (of === undefined || consumer.engine === of) this.detach(queueName, consumer)
  }

  drop(queueName: string): void {
    const queue = this.queues.get(queueName)
    this.queues.delete(queueName)
    for (let n = this.bindings.length - 1; n >= 0; n--)
      if (this.bindings[n]?.queue === queueName) this.bindings.splice(n, 1)
    for (const consumer of queue?.consumers ?? []) consumer.events.cancelled(new Error(`queue ${queueName} deleted`))
  }
}

export class ModelEngine implements AmqpEngine {
  readonly name = 'model'
  readonly losesConsumersSilently = true
  readonly requeuesBehind = false
  readonly #broker: ModelBroker
  readonly #attached = new Map<Attached, string>()
  #listener: (event: LinkEvent) => void = () => undefined
  #up = false

  constructor(broker: ModelBroker) {
    this.#broker = broker
  }

  async connect(): Promise<EngineFacts> {
    await this.#turn()
    this.#up = true
    return FACTS
  }

  onLink(listener: (event: LinkEvent) => void): void {
    this.#listener = listener
  }

  /** Breaks the link, as the broker and this side see it at once. */
  cut(): void {
    this.#up = false
    this.#dropAll()
    this.#listener({ type: 'down', error: new Error('cut') })
  }

  restore(): void {
    this.#up = true
    this.#listener({ type: 'up' })
  }

  async declareExchange(exchange: ExchangeSpec): Promise<void> {
    await this.#turn()
    this.#equal(this.#broker.exchanges, exchange.name, exchange)
  }

  async declareQueue(spec: QueueSpec): Promise<void> {
    await this.#turn()
    const existing = this.#broker.queues.get(spec.name)
    if (existing !== undefined) return this.#equal(new Map([[spec.name, existing.spec]]), spec.name, spec)
    const owner = spec.life === 'exclusive' ? this : undefined
    this.#broker.queues.set(spec.name, { spec, owner, ready: [], consumers: [] })
  }

  async bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#turn()
    if (!this.#broker.exchanges.has(exchange)) throw new Error(`no exchange ${exchange}`)
    if (this.#broker.bindings.some((b) => b.queue === queue && b.exchange === exchange && b.key === routingKey)) return
    const fanout = this.#broker.exchanges.get(exchange)?.type === 'fanout'
    this.#broker.bindings.push({ queue, exchange, key: routingKey, pattern: fanout ? /^/ : topicPattern(routingKey) })
  }

  async unbindQueue(): Promise<void> {
    await this.#turn()
  }

  async deleteQueue(queue: string): Promise<void> {
    await this.#turn()
    if (!this.#up) throw new WaybillError('WAYBILL_NOT_CONNECTED', 'the model is down')
    this.#broker.drop(queue)
  }

  async checkQueue(queue: string): Promise<{ messages: number; consumers: number } | undefined> {
    await this.#turn()
    const found = this.#broker.queues.get(queue)
    return found === undefined ? undefined : { messages: found.ready.length, consumers: found.consumers.length }
  }

  routeFacts(): RouteFacts {
    const settleWithinMs = { value: this.#broker.settleWithinMs, source: 'assumed' } as const
    return { ...ROUTE_FACTS, limits: { ...ROUTE_FACTS.limits, settleWithinMs } }
  }

  async publish(batch: readonly Publication[]): Promise<readonly PublishResult[]> {
    const answers = batch.map((publication) => this.#publishOne(publication))
    await this.#turn()
    if (this.#up) return answers
    return answers.map((each) =>
      each.outcome === 'refused' ? each : { outcome: 'unknown', error: new Error('link lost') },
    )
  }

  #publishOne(publication: Publication): PublishResult {
    const error = new Error('model fault')
    if (!this.#up) return { outcome: 'refused', error: new WaybillError('WAYBILL_NOT_CONNECTED', 'the model is down') }
    const fault = this.#broker.fault?.(publication)
    if (fault === 'refused') return { outcome: 'refused', error }
    if (fault === 'lost') return { outcome: 'unknown', error }
    if (publication.delayMs !== undefined) {
      this.#broker.runtime.setTimer(publication.delayMs, () => void this.#broker.route(publication))
      return { outcome: 'accepted' }
    }
    const routed = this.#broker.route(publication)
    if (fault === 'unknown') return { outcome: 'unknown', error }
    return { outcome: routed || !publication.mandatory ? 'accepted' : 'unroutable' }
  }

  async consume(spec: ConsumeSpec, events: ConsumerEvents): Promise<AmqpConsumer> {
    await this.#turn()
    const queue = this.#broker.queues.get(spec.queue)
    if (queue === undefined) throw new Error(`no queue ${spec.queue}`)
    const attached: Attached = { engine: this, spec, events, unacked: new Map(), prefetch: spec.prefetch, nextTag: 1 }
    queue.consumers.push(attached)
    this.#attached.set(attached, spec.queue)
    this.#broker.pump(queue)
    return {
      ack: (tags) => {
        for (const tag of tags) attached.unacked.delete(tag)
        this.#broker.pump(queue)
      },
      requeue: (tags) => {
        const stored = tags.map((tag) => attached.unacked.get(tag)).filter((each) => each !== undefined)
        for (const tag of tags) attached.unacked.delete(tag)
        this.#broker.giveBack(queue, stored)
      },
      prefetch: (count) => {
        attached.prefetch = count
        this.#broker.pump(queue)
      },
      inspect: async () => {
        await this.#turn()
        // As RabbitMQ tells it: how many, not who.
        const held = [...this.#attached.values()].filter((name) => name === spec.queue).length
        const found = this.#broker.queues.get(spec.queue)
        return { attached: (found?.consumers.length ?? 0) >= held, ready: found?.ready.length ?? 0 }
      },
      close: async () => {
        this.#attached.delete(attached)
        this.#broker.detach(spec.queue, attached)
        await this.#turn()
      },
    }
  }

  async close(): Promise<void> {
    await this.#turn()
    this.#up = false
    this.#dropAll()
  }

  #dropAll(): void {
    for (const [consumer, queue] of this.#attached) this.#broker.detach(queue, consumer)
    this.#attached.clear()
    for (const [name, queue] of this.#broker.queues) if (queue.owner === this) this.#broker.drop(name)
  }

  #equal<T>(existing: Map<string, T>, name: string, wanted: T): void {
    const found = existing.get(name)
    if (found === undefined) existing.set(name, wanted)
    else if (JSON.stringify(found) !== JSON.stringify(wanted)) {
      const cause = new Error(`PRECONDITION_FAILED - current is '${(found as ExchangeSpec).alternate ?? ''}'`)
      throw new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', `${name} exists with other arguments`, { cause })
    }
  }

  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => this.#broker.runtime.defer(resolve))
  }
}

function topicPattern(key: string): RegExp {
  const words = key
    .split('.')
    .map((word) => (word === '*' ? '[^.]+' : word === '#' ? '.*' : word.replace(/\W/g, '\\$&')))
  return new RegExp(`^${words.join('\\.').replace('\\..*', '(\\..*)?')}$`)
}

const NEVER = { value: Infinity, source: 'assumed' } as const

const ROUTE_FACTS: RouteFacts = {
  durability: { accepted: 'memory', lossWindowMs: NEVER, copies: { value: 1, source: 'assumed' }, source: 'assumed' },
  limits: { deliveryLimit: NEVER, settleWithinMs: NEVER, retentionMs: NEVER, retentionBytes: NEVER },
}

const FACTS: EngineFacts = {
  engine: 'model',
  version: '0',
  capabilities: {
    confirms: 'native', unroutable: 'native', durableGroups: 'native', transientSubscriptions: 'native',
 signals: 'native',
    ordered: 'supplied', delayedRetry: 'native', delayedSend: 'native', expiry: 'supplied', deliveryCount: 'native',
    startEarliest: 'refused', startAtTime: 'refused', fencing: 'supplied', replay: 'refused', liveFlow: 'native', deadLetterVisits: 'native',
  }, // prettier-ignore
  limits: {
    maxMessageBytes: { value: 1e9, source: 'assumed' },
    maxDelayMs: { value: 1e9, source: 'assumed' },
  },
}
