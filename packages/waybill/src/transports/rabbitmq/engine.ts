import type { Channel } from 'amqplib'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'
import type { BackOff } from '../../transport/back-off.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import { Link } from '../../transport/link.ts'
import type {
  AmqpConsumer, AmqpEngine, ConsumerEvents, ConsumerStanding, ConsumeSpec, ExchangeSpec, LinkEvent, Publication,
  PublishResult, QueueSpec,
} from '../amqp/engine.ts' // prettier-ignore
import { operationError } from './amqp-errors.ts'
import type { BrokerAddress, BrokerAddresses } from './broker-address.ts'
import type { ConnectionPair } from './connection-pair.ts'
import { Consumer } from './consumer.ts'
import { Declarations } from './declarations.ts'
import { publishDelayed } from './delayed-publisher.ts'
import { delaysOf, type Delays } from './delays.ts'
import { loadDriver } from './driver.ts'
import { engineFacts, routeFacts } from './facts.ts'
import { openConnection } from './open-connection.ts'
import { Publisher } from './publisher.ts'
import { queueOptions } from './queue-arguments.ts'
import type { LinkOptions } from './rabbitmq-options.ts'
import { isDelayed, type Route } from './route.ts'
import { requeuesBehind, serverVersion, type ServerVersion } from './server-version.ts'

export interface RabbitmqEngineSettings {
  readonly addresses: BrokerAddresses
  readonly options: LinkOptions
  /** Between tries to take a lost link up again. Default: from 0.1 to 5 seconds. */
  readonly backOff?: BackOff | undefined
  /** What errors and logs call it. Default: `rabbitmq`. */
  readonly name?: string
  /** The broker's `consumer_timeout`, where somebody told it. */
  readonly consumerTimeoutMs?: number
}

/** RabbitMQ, and brokers that speak its AMQP 0-9-1, through amqplib. */
export class RabbitmqEngine implements AmqpEngine {
  readonly name: string
  readonly losesConsumersSilently = true
  readonly #runtime: Runtime
  readonly #settings: RabbitmqEngineSettings
  readonly #link: Link<BrokerAddress, ConnectionPair>
  readonly #declarations: Declarations
  /** Questions, apart from declarations: a queue without a leader takes seconds to answer. */
  readonly #questions: Declarations
  /** What the names that delays need begin with. */
  readonly #prefix: string
  readonly #publisher: Publisher
  /** Queues declared here with a single active consumer; as many as the topology has. */
  readonly #singleActive = new Set<string>()
  /** Those that are open, and those that ended since the last one was opened. */
  readonly #consumers = new Set<Consumer>()
  #version: ServerVersion = serverVersion({})
  #delays: Delays | undefined
  #listener: (event: LinkEvent) => void = () => undefined
  /** connect() has resolved: what happens to the link since is reported. */
  #isConnected = false
  #closed: Promise<void> | undefined

  constructor(settings: RabbitmqEngineSettings, runtime: Runtime) {
    this.name = settings.name ?? 'rabbitmq'
    this.#runtime = runtime
    this.#settings = settings
    const { addresses, backOff } = settings
    this.#link = new Link(
      runtime,
      { title: this.name, addresses, backOff },
      {
        up: () => this.#up(),
        down: (error) => this.#down(error),
        trouble: (error) => this.#listener({ type: 'trouble', error }),
      },
    )
    this.#declarations = new Declarations(() => this.#openChannel())
    this.#questions = new Declarations(() => this.#openChannel())
    this.#prefix = settings.options.prefix ?? 'waybill.'
    this.#publisher = new Publisher((publication) => this.#route(publication))
  }

  get requeuesBehind(): boolean {
    return requeuesBehind(this.#version)
  }

  /** @throws {WaybillError} WAYBILL_DRIVER_MISSING, WAYBILL_NOT_CONNECTED, WAYBILL_ACCESS_REFUSED */
  async connect(signal: AbortSignal): Promise<EngineFacts> {
    try {
      const { options } = this.#settings
      const open = openConnection(await loadDriver(), options, this.#runtime, {
        prepare: (pair) => this.#prepare(pair),
        blocked: (reason) => this.#listener({ type: 'blocked', reason }),
        unblocked: () => this.#listener({ type: 'unblocked' }),
      })
      await this.#link.connect(open, signal)
      this.#isConnected = true
    } catch (error) {
      this.#publisher.down(() => this.#link.unavailable())
      throw error
    }
    return engineFacts(this.#version)
  }

  onLink(listener: (event: LinkEvent) => void): void {
    this.#listener = listener
  }

  async declareExchange({ name, type, autoDelete = false, alternate }: ExchangeSpec): Promise<void> {
    const options = { durable: true, autoDelete, ...(alternate === undefined ? {} : { alternateExchange: alternate }) }
    await this.#declarations.run(`exchange ${name}`, (channel) => channel.assertExchange(name, type, options))
  }

  async declareQueue(queue: QueueSpec): Promise<void> {
    const options = queueOptions(queue, this.#version)
    await this.#declarations.run(`queue ${queue.name}`, (channel) => channel.assertQueue(queue.name, options))
    if (queue.singleActiveConsumer === true) this.#singleActive.add(queue.name)
  }

  async bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    const entity = `binding of queue ${queue} to exchange ${exchange}`
    await this.#declarations.run(entity, (channel) => channel.bindQueue(queue, exchange, routingKey))
  }

  async unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    const entity = `binding of queue ${queue} to exchange ${exchange}`
    await this.#declarations.run(entity, (channel) => channel.unbindQueue(queue, exchange, routingKey))
  }

  async deleteQueue(queue: string): Promise<void> {
    this.#delays?.forget(queue)
    this.#singleActive.delete(queue)
    await this.#declarations.run(`queue ${queue}`, (channel) => channel.deleteQueue(queue))
  }

  async checkQueue(queue: string): Promise<{ readonly messages: number; readonly consumers: number } | undefined> {
    try {
      const ok = await this.#questions.run(`queue ${queue}`, (channel) => channel.checkQueue(queue))
      return { messages: ok.messageCount, consumers: ok.consumerCount }
    } catch (error) {
      if (isWaybillError(error, 'WAYBILL_NOT_FOUND')) return undefined
      throw error
    }
  }

  routeFacts(life: QueueSpec['life'], isForeign: boolean): RouteFacts {
    const { consumerTimeoutMs, options } = this.#settings
    const { heartbeatSeconds } = options
    return routeFacts(this.#version, life, { isForeign, consumerTimeoutMs, heartbeatSeconds })
  }

  publish(batch: readonly Publication[]): Promise<readonly PublishResult[]> {
    if (!batch.some(isDelayed)) return this.#publisher.publish(batch)
    return publishDelayed(batch, this.#publisher, this.#delays)
  }

  /** @throws {WaybillError} WAYBILL_NOT_FOUND, WAYBILL_ACCESS_REFUSED, WAYBILL_NOT_CONNECTED */
  async consume(spec: ConsumeSpec, events: ConsumerEvents): Promise<AmqpConsumer> {
    const singleActive = this.#singleActive.has(spec.queue)
    const channelSpec = { ...spec, singleActive, standing: () => this.#standing(spec.queue) }
    const consumer = await Consumer.open(await this.#openChannel(), channelSpec, events)
    for (const each of this.#consumers) if (!each.isOpen) this.#consumers.delete(each)
    this.#consumers.add(consumer)
    return consumer
  }

  /** AMQP tells how many consumers a queue has, not whose: fewer than are open here, and one of them is lost. */
  async #standing(queue: string): Promise<ConsumerStanding> {
    const held = [...this.#consumers].filter((each) => each.isOpen && each.queue === queue).length
    const found = await this.checkQueue(queue)
    return { attached: found !== undefined && found.consumers >= held, ready: found?.messages ?? 0 }
  }

  /** Waits until `deadlineMs` for the confirms that are due, then ends the link. */
  close(deadlineMs: number): Promise<void> {
    return (this.#closed ??= this.#close(deadlineMs))
  }

  async #close(deadlineMs: number): Promise<void> {
    const until = this.#runtime.monotonic() + deadlineMs
    let timer: Timer | undefined
    const late = new Promise<void>((resolve) => (timer = this.#runtime.setTimer(deadlineMs, resolve)))
    await Promise.race([this.#publisher.idle(), late])
    timer?.cancel()
    const closing = this.#link.close(Math.max(MIN_GOODBYE_MS, until - this.#runtime.monotonic()))
    this.#publisher.down(() => this.#link.unavailable())
    await closing
  }

  async #prepare({ publishing, consuming }: ConnectionPair): Promise<void> {
    this.#version = serverVersion(publishing.serverProperties)
    this.#delays = delaysOf(this.#version, this.#prefix, this.#declarations)
    const { value } = engineFacts(this.#version).limits.maxMessageBytes
    await Promise.all([
      this.#publisher.prepare(() => publishing.openConfirmChannel(), value),
      this.#declarations.up(() => consuming.openChannel()),
    ])
  }

  #up(): void {
    this.#publisher.up()
    if (this.#isConnected) this.#listener({ type: 'up' })
  }

  #route(publication: Publication): Route {
    if (this.#delays !== undefined) return this.#delays.route(publication)
    throw new WaybillError('WAYBILL_UNSUPPORTED', `${this.#version.product} cannot delay messages`)
  }

  #down(error: Error): void {
    this.#publisher.down(() => this.#link.unavailable())
    this.#listener({ type: 'down', error })
  }

  async #openChannel(): Promise<Channel> {
    const { consuming } = this.#link.connection
    try {
      return await consuming.openChannel()
    } catch (error) {
      throw operationError('channel', error)
    }
  }
}

/** What the closing handshake may take when confirms have used up the deadline: beyond it the socket is destroyed. */
const MIN_GOODBYE_MS = 200
