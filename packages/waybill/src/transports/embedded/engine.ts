import type { Broker, BrokerEvent } from '../../broker/broker.ts'
import type { Connection } from '../../broker/connection.ts'
import { readQueueArguments } from '../../broker/queue/queue-arguments.ts'
import type { QueueDefinition } from '../../broker/queue/queue-definition.ts'
import type { Durable } from '../../broker/store/message-log.ts'
import { TypedField, type FieldTable } from '../../broker/wire/field-table.ts'
import type { VirtualHost } from '../../broker/virtual-host.ts'
import { WaybillError } from '../../message/errors.ts'
import type { EngineFacts, RouteFacts } from '../../transport/engine-facts.ts'
import type {
  AmqpConsumer,
  AmqpEngine,
  ConsumerEvents,
  ConsumeSpec,
  ExchangeSpec,
  LinkEvent,
  Publication,
  PublishResult,
  QueueSpec,
} from '../amqp/engine.ts'
import { queueDeclaration } from '../amqp/queue-declaration.ts'
import { BatchConfirms } from './batch-confirms.ts'
import { EngineConsumer } from './engine-consumer.ts'
import { EngineMessage } from './engine-message.ts'
import { FACTS, MAX_MESSAGE_BYTES, routeFacts } from './facts.ts'

/** Calls of `publish` that wait while the broker holds publishers back; the bus bounds what is in them. */
const MAX_HELD = 10_000

/** Where the broker comes from. Each `acquire` is answered by one `release`, also when it rejects. */
export interface BrokerSource {
  acquire(): Promise<Broker>
  release(): Promise<void>
}

interface Opened {
  readonly broker: Broker
  readonly host: VirtualHost
  readonly connection: Connection
}

/** One connection to a broker in this process. Several may share the broker; each has its own exclusive queues. */
export class EmbeddedEngine implements AmqpEngine {
  readonly name = 'embedded'
  readonly losesConsumersSilently = false
  readonly requeuesBehind = false
  readonly #source: BrokerSource
  #open: Opened | undefined
  #closed = false
  #listener: (event: LinkEvent) => void = () => {}
  #unsubscribe: () => void = () => {}
  readonly #held: (() => void)[] = []

  constructor(source: BrokerSource) {
    this.#source = source
  }

  async connect(signal: AbortSignal): Promise<EngineFacts> {
    signal.throwIfAborted()
    if (this.#open !== undefined || this.#closed)
      throw this.#closed ? this.#notOpen() : new TypeError('connect() twice')
    try {
      const broker = await this.#source.acquire()
      signal.throwIfAborted()
      if (this.#closed) throw this.#notOpen()
      this.#open = { broker, host: broker.root, connection: broker.root.connect() }
      this.#unsubscribe = broker.onEvent((event) => this.#onBrokerEvent(event))
      return FACTS
    } catch (error) {
      await this.#source.release()
      throw error
    }
  }

  onLink(listener: (event: LinkEvent) => void): void {
    this.#listener = listener
  }

  declareExchange({ name, type, autoDelete = false, alternate }: ExchangeSpec): Promise<void> {
    const definition = {
      name,
      type,
      durable: true,
      autoDelete,
      internal: false,
      ...(alternate === undefined ? {} : { alternate }),
    }
    return this.#synced(({ host, connection }, done) => host.declareExchange(definition, connection, done))
  }

  declareQueue(spec: QueueSpec): Promise<void> {
    return this.#synced(({ host, connection }, done) => void host.declareQueue(definitionOf(spec), connection, done))
  }

  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#synced(({ host, connection }, done) =>
      host.bind(connection, queue, exchange, routingKey, undefined, done),
    )
  }

  unbindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    return this.#synced(({ host, connection }, done) =>
      host.unbind(connection, queue, exchange, routingKey, undefined, done),
    )
  }

  deleteQueue(queue: string): Promise<void> {
    return this.#synced(({ host, connection }, done) => void host.deleteQueue(queue, connection, {}, done))
  }

  checkQueue(queue: string): Promise<{ readonly messages: number; readonly consumers: number } | undefined> {
    return this.#attempt(({ host }) => {
      const found = host.findQueue(queue)
      return found === undefined ? undefined : { messages: found.ready, consumers: found.consumers }
    })
  }

  routeFacts(life: QueueSpec['life']): RouteFacts {
    return routeFacts(life === 'durable' && this.#requireOpen().broker.isStored)
  }

  async publish(batch: readonly Publication[]): Promise<readonly PublishResult[]> {
    if (this.#open?.broker.blocked !== undefined) {
      if (this.#held.length >= MAX_HELD) return batch.map(() => ({ outcome: 'refused', error: tooManyHeld() }))
      await this.#unblocked()
    }
    if (batch.length === 0) return []
    return new Promise((resolve) => {
      const confirms = new BatchConfirms(batch, resolve)
      batch.forEach((publication, at) => this.#publishOne(publication, confirms, at))
    })
  }

  consume(spec: ConsumeSpec, events: ConsumerEvents): Promise<AmqpConsumer> {
    return this.#attempt(({ connection }) => new EngineConsumer(connection, spec, events))
  }

  async close(_deadlineMs: number): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    const opened = this.#open
    this.#open = undefined
    opened?.connection.close()
    for (const release of this.#held.splice(0)) release()
    if (opened !== undefined) await this.#source.release()
  }

  #publishOne(publication: Publication, confirms: BatchConfirms, at: number): void {
    if (this.#open === undefined) return confirms.confirmed(at, 'refused', this.#notOpen())
    if (publication.message.body.length > MAX_MESSAGE_BYTES) {
      return confirms.confirmed(at, 'refused', tooLarge(publication.message.body.length))
    }
    try {
      this.#open.host.publish(new EngineMessage(publication), publication, confirms, at)
    } catch (error) {
      confirms.confirmed(at, 'refused', asError(error))
    }
  }

  /** Runs `act`, which throws at once or calls `done` once it is synced. */
  #synced(act: (opened: Opened, done: Durable) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      act(this.#requireOpen(), (error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  #attempt<T>(act: (opened: Opened) => T): Promise<T> {
    return new Promise((resolve) => {
      resolve(act(this.#requireOpen()))
    })
  }

  #requireOpen(): Opened {
    if (this.#open === undefined) throw this.#notOpen()
    return this.#open
  }

  #notOpen(): WaybillError {
    return this.#closed
      ? new WaybillError('WAYBILL_CLOSED', 'the connection to the embedded broker is closed')
      : new WaybillError('WAYBILL_NOT_CONNECTED', 'connect() to the embedded broker has not been called')
  }

  #unblocked(): Promise<void> {
    return new Promise((resolve) => void this.#held.push(resolve))
  }

  #onBrokerEvent(event: BrokerEvent): void {
    if (event.type === 'failed') this.#listener({ type: 'down', error: event.error })
    else if (event.type === 'blocked' || event.type === 'unblocked') this.#listener(event)
    if (event.type === 'failed' || event.type === 'unblocked') for (const release of this.#held.splice(0)) release()
  }
}

/** As a client would declare it over the wire, so that a folder can be used both ways. */
function definitionOf(spec: QueueSpec): QueueDefinition {
  const { name } = spec
  const { arguments: asked, ...flags } = queueDeclaration(spec, true)
  return { name, ...flags, arguments: readQueueArguments(name, fieldTable(asked), flags, '/') }
}

function fieldTable(values: Readonly<Record<string, string | number | boolean>>): FieldTable {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'number' ? TypedField.number('I', value) : value,
    ]),
  )
}

function tooManyHeld(): WaybillError {
  return new WaybillError(
    'WAYBILL_BACKPRESSURE',
    `the broker holds publishers back, and ${MAX_HELD} batches wait already`,
  )
}

function tooLarge(bytes: number): WaybillError {
  return new WaybillError(
    'WAYBILL_TOO_LARGE',
    `a body of ${bytes} bytes; the embedded broker takes ${MAX_MESSAGE_BYTES}`,
  )
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
