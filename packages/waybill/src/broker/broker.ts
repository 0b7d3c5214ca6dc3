import { WaybillError } from '../message/errors.ts'
import { brokerParts, type BrokerOptions, type BrokerParts } from './broker-parts.ts'
import { Connection } from './connection.ts'
import type { DirectReplies } from './direct-reply-to.ts'
import type { ExchangeCounters } from './exchange/exchange-counters.ts'
import type { Exchange, ExchangeDefinition } from './exchange/exchange.ts'
import { MessageCounters } from './message-counters.ts'
import type { ConfirmSink, Message, PublishOptions } from './message.ts'
import type { DeleteQueueOptions } from './queue-declarations.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { Queue } from './queue/queue.ts'
import { recover } from './recovery.ts'
import type { Durable, MessageLog, RecoveredLog } from './store/message-log.ts'
import { EMPTY_TABLE, type FieldTable } from './wire/field-table.ts'

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
  readonly #log: MessageLog | undefined
  readonly #parts: BrokerParts
  readonly #listeners = new Set<(event: BrokerEvent) => void>()
  readonly #connections = new Set<Connection>()
  /** What went through channels that are no more. */
  readonly closedChannels: MessageCounters = new MessageCounters()
  #closed: Error | undefined

  /** Opens a broker; with a recovered log, as it was when that ended. */
  static async open(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    if (options.recovered !== undefined) await broker.#recover(options.recovered)
    return broker
  }

  private constructor(options: BrokerOptions) {
    this.#log = options.recovered?.log
    this.#parts = brokerParts(options, {
      gated: (reason) => this.#emit(reason === undefined ? { type: 'unblocked' } : { type: 'blocked', reason }),
      failed: (error) => this.fail(error),
    })
  }

  /** Those who consume amq.rabbitmq.reply-to. */
  get directReplies(): DirectReplies {
    return this.#parts.replies
  }

  /** Why publishers are held back now; `undefined` when they are not. */
  get blocked(): string | undefined {
    return this.#parts.gate.reason
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  connect(): Connection {
    this.#requireOpen()
    const connection = new Connection(
      (name) => this.#parts.topology.queues.get(name),
      (ended) => {
        this.#connections.delete(ended)
        this.#parts.queues.removeOwned(ended)
      },
    )
    this.#connections.add(connection)
    return connection
  }

  /**
   * Routes a message. `sink` is told once, by the number `tag`: at once, or after the sync when the message is stored.
   *
   * @throws {ReplyError} 404 when the exchange is missing, 403 when it is internal, 406 for bad headers CC or BCC
   */
  publish(message: Message, options: PublishOptions, sink: ConfirmSink, tag: number): void {
    if (this.#closed !== undefined) return sink.confirmed(tag, 'refused', this.#closed)
    this.#parts.intake.publish(message, options, sink, tag)
  }

  /** @throws {ReplyError} 406 when an unequal one exists, 403 for a reserved name */
  declareExchange(definition: ExchangeDefinition, done: Durable = ignore): void {
    this.#requireOpen()
    this.#parts.exchanges.declare(definition, done)
  }

  /**
   * Deletes an exchange with its bindings, if there is one.
   *
   * @throws {ReplyError} 403 for a reserved name, 406 with `ifUnused` when something is bound to it
   */
  deleteExchange(name: string, ifUnused: boolean, done: Durable = ignore): void {
    this.#requireOpen()
    this.#parts.exchanges.delete(name, ifUnused, done)
  }

  /** By name, to be looked at. */
  get queues(): ReadonlyMap<string, Queue> {
    return this.#parts.topology.queues
  }

  get defaultExchange(): ExchangeCounters {
    return this.#parts.topology.defaultExchange
  }

  /** By name, to be looked at; the default exchange is not among them. */
  get exchanges(): ReadonlyMap<string, Exchange<Queue>> {
    return this.#parts.topology.exchanges
  }

  findQueue(name: string): Queue | undefined {
    return this.#parts.topology.queues.get(name)
  }

  /** `undefined` when there is no such exchange. The default exchange, '', has none. */
  exchangeDefinition(name: string): ExchangeDefinition | undefined {
    return this.#parts.topology.exchanges.get(name)?.definition
  }

  /** @throws {ReplyError} 404 */
  requireExchange(name: string): void {
    if (name !== '') this.#parts.topology.exchange(name)
  }

  /**
   * Declares a queue, which belongs to `connection` when exclusive. An empty name asks for one that nobody has.
   *
   * @throws {ReplyError} 406 when an unequal one exists, 405 when it is another connection's own, 403 for a reserved name
   */
  declareQueue(definition: QueueDefinition, connection: Connection, done: Durable = ignore): Queue {
    this.#requireOpen()
    return this.#parts.queues.declare(definition, connection, done)
  }

  /**
   * Deletes a queue with its messages and bindings; returns how many were ready, 0 when there is no such queue.
   *
   * @throws {ReplyError} 405 when it is another connection's own, 406 when it is used or not empty and must not be
   */
  deleteQueue(name: string, connection: Connection, options: DeleteQueueOptions = {}, done: Durable = ignore): number {
    this.#requireOpen()
    return this.#parts.queues.delete(name, connection, options, done)
  }

  /** @throws {ReplyError} 403 for the default exchange, 404, 405, 406 for an unknown `x-match` */
  bind(
    connection: Connection,
    queue: string,
    source: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.#parts.exchanges.bindQueue(connection, queue, { source, key, arguments: table }, done)
  }

  /**
   * Takes a binding back. One that is not there is no error, even where there is no such queue or exchange.
   *
   * @throws {ReplyError} 403 for the default exchange, 405
   */
  unbind(
    connection: Connection,
    queue: string,
    source: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.#parts.exchanges.unbindQueue(connection, queue, { source, key, arguments: table }, done)
  }

  /**
   * Binds an exchange to another: what `source` routes by the binding goes on from `destination`.
   *
   * @throws {ReplyError} 403 for the default exchange, 404, 406 for an unknown `x-match`
   */
  bindExchange(
    _connection: Connection,
    destination: string,
    source: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.#parts.exchanges.bindExchange(destination, { source, key, arguments: table }, done)
  }

  /** Takes a binding between exchanges back, as `unbind` does one to a queue. */
  unbindExchange(
    _connection: Connection,
    destination: string,
    source: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.#parts.exchanges.unbindExchange(destination, { source, key, arguments: table }, done)
  }

  /** Ends the broker: queues stop, and the log is synced and closed. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed !== undefined) return
    this.#closed = new WaybillError('WAYBILL_CLOSED', 'the broker is closed')
    this.#stop()
    for (const connection of this.#connections) connection.close()
    for (const queue of this.#parts.topology.queues.values()) queue.close()
    await this.#log?.close()
  }

  /** The disk of the log is nearly full, or has room again. */
  diskIsFull(full: boolean): void {
    this.#parts.gate.set('disk', full)
  }

  /** The store failed: pending confirms are refused by it, everything later here. */
  fail(error: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#stop()
    this.#emit({ type: 'failed', error })
  }

  #stop(): void {
    this.#parts.turns.stop()
    this.#parts.delayed.close()
  }

  async #recover(recovered: RecoveredLog): Promise<void> {
    const delayed = await recover(recovered, {
      defined: ignore,
      addExchange: (definition) => void this.#parts.topology.declareExchange(definition),
      addQueue: (id, definition) => this.#parts.queues.restore(id, definition),
      bind: (binding) => this.#parts.exchanges.restoreBinding(binding),
    })
    await this.#parts.delayed.recover(delayed)
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
