import { WaybillError } from '../message/errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Connection } from './connection.ts'
import { DeadLetters } from './dead-letter/dead-letters.ts'
import { DelayedMessages } from './delay/delayed-messages.ts'
import { DurableDefinitions } from './durable-definitions.ts'
import { bindingId, type Exchange, type ExchangeDefinition } from './exchange/exchange.ts'
import type { Confirm, Message, PublishOptions } from './message.ts'
import { PublisherGate } from './publisher-gate.ts'
import { Publishing } from './publishing.ts'
import { requireEqualQueue, type QueueDefinition } from './queue/queue-definition.ts'
import { Queue } from './queue/queue.ts'
import { recover } from './recovery.ts'
import { ReplyError } from './reply-error.ts'
import { ResidentMemory } from './resident-memory.ts'
import type { Durable, MessageLog, RecoveredLog } from './store/message-log.ts'
import { Topology, requireOwnName } from './topology.ts'
import { Turns } from './turns.ts'
import { EMPTY_TABLE, type FieldTable } from './wire/field-table.ts'
import { headersOf } from './wire/properties.ts'

export interface BrokerOptions {
  readonly runtime: Runtime
  /** Where messages and definitions are kept; in memory alone when absent. */
  readonly recovered?: RecoveredLog
  /** Bytes of messages in memory alone above which publishers are held back. Default 256 MiB. */
  readonly memoryHighWaterBytes?: number
}

/** Published bytes that wait for the disk, above which publishers are held back; they go on below half. The log itself refuses at 64 MiB. */
const LOG_HIGH_WATER_BYTES = 32 * 1024 * 1024

export type BrokerEvent =
  | { readonly type: 'blocked'; readonly reason: string }
  | { readonly type: 'unblocked' }
  /** The store failed: nothing is confirmed any more. */
  | { readonly type: 'failed'; readonly error: Error }

/**
 * A message broker in this process, with the semantics of AMQP 0-9-1 as it is practised. Calls are synchronous; what is
 * durable is confirmed by a callback once it is synced. Deliveries come in later turns of the event loop, in bursts.
 *
 * Methods throw `ReplyError` for what AMQP answers by closing the channel.
 */
export class Broker {
  readonly #runtime: Runtime
  readonly #log: MessageLog | undefined
  readonly #topology = new Topology()
  readonly #definitions: DurableDefinitions
  readonly #publishing: Publishing
  readonly #deadLetters: DeadLetters
  readonly #delayed: DelayedMessages
  readonly #turns: Turns
  readonly #gate: PublisherGate
  readonly #memory: ResidentMemory
  readonly #listeners = new Set<(event: BrokerEvent) => void>()
  readonly #connections = new Set<Connection>()
  #lastQueueId = 0
  #closed: Error | undefined

  /** Opens a broker; with a recovered log, as it was when that ended. */
  static async open(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    if (options.recovered !== undefined) await broker.#recover(options.recovered)
    return broker
  }

  private constructor({ runtime, recovered, memoryHighWaterBytes }: BrokerOptions) {
    this.#runtime = runtime
    this.#log = recovered?.log
    this.#turns = new Turns(runtime)
    this.#gate = new PublisherGate((reason) =>
      this.#emit(reason === undefined ? { type: 'unblocked' } : { type: 'blocked', reason }),
    )
    this.#memory = new ResidentMemory((blocked) => this.#gate.set('memory', blocked), memoryHighWaterBytes)
    this.#definitions = new DurableDefinitions(this.#log)
    const fail = (error: Error): void => this.fail(error)
    this.#publishing = new Publishing(runtime, this.#log, {
      wrote: (pending) => {
        if (pending > LOG_HIGH_WATER_BYTES) this.#gate.set('log', true)
      },
      synced: (pending) => {
        if (pending < LOG_HIGH_WATER_BYTES / 2) this.#gate.set('log', false)
      },
      fail,
    })
    this.#deadLetters = new DeadLetters(runtime, this.#log, this.#topology, this.#publishing, fail)
    this.#delayed = new DelayedMessages({
      runtime,
      log: this.#log,
      memory: this.#memory,
      publishing: this.#publishing,
      route: (message) => this.#routeLate(message),
      fail,
    })
  }

  /** Why publishers are held back now; `undefined` when they are not. */
  get blocked(): string | undefined {
    return this.#gate.reason
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  connect(): Connection {
    this.#requireOpen()
    const connection = new Connection(
      (name) => this.#topology.queues.get(name),
      (ended) => {
        this.#connections.delete(ended)
        for (const queue of this.#topology.queues.values()) if (queue.owner === ended) this.#remove(queue)
      },
    )
    this.#connections.add(connection)
    return connection
  }

  /**
   * Routes a message. `confirm` is called once: at once, or after the sync when it is stored.
   *
   * @throws {ReplyError} 404 when the exchange is missing, 403 when it is internal
   */
  publish(message: Message, options: PublishOptions, confirm: Confirm): void {
    if (this.#closed !== undefined) return confirm('refused', this.#closed)
    const { delayMs = 0 } = options
    if (message.exchange !== '' && this.#topology.exchange(message.exchange).definition.internal) {
      throw new ReplyError(403, `cannot publish to internal exchange '${message.exchange}'`)
    }
    const queues = this.#topology.route(message.exchange, message.routingKey, () => headersOf(message.properties))
    if (delayMs <= 0 || queues.length === 0) return this.#publishing.publish(queues, message, options, confirm)
    this.#delayed.add(message, options, delayMs, this.#publishing.storedIn(queues).length > 0, confirm)
  }

  declareExchange(definition: ExchangeDefinition, done: Durable = ignore): void {
    this.#requireOpen()
    if (this.#topology.declareExchange(definition) && definition.durable) this.#definitions.exchange(definition, done)
    else this.#definitions.afterEarlier(done)
  }

  deleteExchange(name: string, ifUnused: boolean, done: Durable = ignore): void {
    this.#requireOpen()
    const exchange = this.#topology.deleteExchange(name, ifUnused)
    if (exchange === undefined) return done(undefined)
    for (const { destination, key, arguments: table } of exchange.bindings) {
      if (isDurable(exchange, destination)) {
        this.#definitions.removeBinding(name, bindingId(destination.name, key, table), ignore)
      }
    }
    if (exchange.definition.durable) this.#definitions.removeExchange(name, done)
    else done(undefined)
  }

  findQueue(name: string): Queue | undefined {
    return this.#topology.queues.get(name)
  }

  /** `undefined` when there is no such exchange. The default exchange, '', has none. */
  exchangeDefinition(name: string): ExchangeDefinition | undefined {
    return this.#topology.exchanges.get(name)?.definition
  }

  /** @throws {ReplyError} 404 */
  requireExchange(name: string): void {
    if (name !== '') this.#topology.exchange(name)
  }

  /**
   * Declares a queue, which belongs to `connection` when exclusive.
   *
   * @throws {ReplyError} 406 when an unequal one exists, 405 when it is another connection's own, 403 for a reserved name
   */
  declareQueue(definition: QueueDefinition, connection: Connection, done: Durable = ignore): Queue {
    this.#requireOpen()
    const existing = this.#topology.queues.get(definition.name)
    if (existing !== undefined) {
      connection.requireAccess(existing)
      requireEqualQueue(existing.definition, definition)
      existing.touch()
      this.#definitions.afterEarlier(done)
      return existing
    }
    requireOwnName('queue', definition.name)
    const queue = this.#addQueue(++this.#lastQueueId, definition, definition.exclusive ? connection : undefined)
    if (queue.isStored) this.#definitions.queue({ id: queue.id, definition }, done)
    else done(undefined)
    return queue
  }

  /**
   * Deletes a queue with its messages and bindings; returns how many were ready, 0 when there is no such queue.
   *
   * @throws {ReplyError} 405 when it is another connection's own, 406 when it is used or not empty and must not be
   */
  deleteQueue(
    name: string,
    connection: Connection,
    { ifUnused = false, ifEmpty = false }: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean } = {},
    done: Durable = ignore,
  ): number {
    this.#requireOpen()
    const queue = this.#topology.queues.get(name)
    if (queue === undefined) {
      done(undefined)
      return 0
    }
    connection.requireAccess(queue)
    if (ifUnused && queue.consumers > 0) throw new ReplyError(406, `queue '${name}' in use`)
    if (ifEmpty && queue.ready > 0) throw new ReplyError(406, `queue '${name}' not empty`)
    const { ready } = queue
    this.#remove(queue, done)
    return ready
  }

  /** @throws {ReplyError} 404, 403 or 405 */
  bind(
    connection: Connection,
    queueName: string,
    exchange: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    const queue = connection.queue(queueName)
    const added = this.#topology.bind(queue, exchange, key, table)
    if (added && isDurable(this.#topology.exchange(exchange), queue)) {
      this.#definitions.binding(exchange, queueName, key, table, done)
    } else this.#definitions.afterEarlier(done)
  }

  /** @throws {ReplyError} 404, 403 or 405 */
  unbind(
    connection: Connection,
    queueName: string,
    exchangeName: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    const queue = connection.queue(queueName)
    if (!this.#topology.unbind(queue, exchangeName, key, table)) return done(undefined)
    const exchange = this.#topology.exchange(exchangeName)
    if (isDurable(exchange, queue)) {
      this.#definitions.removeBinding(exchangeName, bindingId(queueName, key, table), done)
    } else done(undefined)
    this.#collect(exchange)
  }

  /**
   * Binds an exchange to another: what `source` routes by the binding goes on from `destination`.
   *
   * @throws {ReplyError} 404 or 403
   */
  bindExchange(
    _connection: Connection,
    destination: string,
    source: string,
    _key: string,
    _table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.requireExchange(source)
    this.requireExchange(destination)
    done(undefined)
  }

  /** Takes back a binding between exchanges; one that is not there is taken back already. */
  unbindExchange(
    _connection: Connection,
    _destination: string,
    _source: string,
    _key: string,
    _table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    done(undefined)
  }

  /** Ends the broker: queues stop, and the log is synced and closed. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed !== undefined) return
    this.#closed = new WaybillError('WAYBILL_CLOSED', 'the broker is closed')
    this.#stop()
    for (const connection of this.#connections) connection.close()
    for (const queue of this.#topology.queues.values()) queue.close()
    await this.#log?.close()
  }

  /** The disk of the log is nearly full, or has room again. */
  diskIsFull(full: boolean): void {
    this.#gate.set('disk', full)
  }

  /** The store failed: pending confirms are refused by it, everything later here. */
  fail(error: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#stop()
    this.#emit({ type: 'failed', error })
  }

  #stop(): void {
    this.#turns.stop()
    this.#delayed.close()
  }

  async #recover(recovered: RecoveredLog): Promise<void> {
    const delayed = recover(recovered, {
      defined: ignore,
      addExchange: (definition) => void this.#topology.declareExchange(definition),
      addQueue: (id, definition) => {
        this.#lastQueueId = Math.max(this.#lastQueueId, id)
        return this.#addQueue(id, definition, undefined)
      },
      bind: (queue, exchange, key, table) => this.#topology.restoreBinding(queue, exchange, key, table),
    })
    await this.#delayed.recover(delayed)
  }

  #addQueue(id: number, definition: QueueDefinition, owner: Connection | undefined): Queue {
    const queue: Queue = new Queue(definition, id, owner, {
      runtime: this.#runtime,
      log: this.#log,
      memory: this.#memory,
      schedule: () => this.#turns.schedule(queue),
      deadLetter: (position, message, reason) => this.#deadLetters.move(queue, position, message, reason),
      remove: () => this.#remove(queue),
      fail: (error) => this.fail(error),
    })
    this.#topology.queues.set(definition.name, queue)
    return queue
  }

  #remove(queue: Queue, done: Durable = ignore): void {
    if (queue.deleted) return done(undefined)
    const bindings = this.#topology.removeQueue(queue)
    queue.delete()
    for (const { exchange, id } of bindings) {
      if (isDurable(exchange, queue)) this.#definitions.removeBinding(exchange.definition.name, id, ignore)
      this.#collect(exchange)
    }
    if (queue.isStored) this.#definitions.removeQueue(queue.name, done)
    else done(undefined)
  }

  /** Deletes an auto-delete exchange that has lost its last binding. */
  #collect(exchange: Exchange<Queue>): void {
    const { name, autoDelete } = exchange.definition
    if (autoDelete && exchange.bindings.length === 0 && this.#topology.exchanges.get(name) === exchange) {
      this.deleteExchange(name, false)
    }
  }

  /** The queues of a message whose exchange may have gone since it was accepted. */
  #routeLate(message: Message): readonly Queue[] {
    if (message.exchange !== '' && !this.#topology.exchanges.has(message.exchange)) return []
    return this.#topology.route(message.exchange, message.routingKey, () => headersOf(message.properties))
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  #emit(event: BrokerEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}

function isDurable(exchange: Exchange<Queue>, queue: Queue): boolean {
  return exchange.definition.durable && queue.isStored
}
