import { ANYTHING, type Guard } from './access/guard.ts'
import { Connection } from './connection.ts'
import type { DirectReplies } from './direct-reply-to.ts'
import type { DiscouragedUses } from './discouraged-uses.ts'
import type { ExchangeCounters } from './exchange/exchange-counters.ts'
import type { Exchange, ExchangeDefinition } from './exchange/exchange.ts'
import { MessageCounters } from './message-counters.ts'
import type { ConfirmSink, Message, PublishOptions } from './message.ts'
import type { DeleteQueueOptions } from './queue-declarations.ts'
import type { QueueDefinition } from './queue/queue-definition.ts'
import type { Policies } from './policy/policies.ts'
import type { Queue } from './queue/queue.ts'
import type { Durable } from './store/message-log.ts'
import type { HostSettings } from './stored-hosts.ts'
import type { HostName, VirtualHostParts } from './virtual-host-parts.ts'
import { EMPTY_TABLE, type FieldTable } from './wire/field-table.ts'

/**
 * Exchanges, queues and bindings with names of their own. Calls are synchronous; what is durable is confirmed by a
 * callback once it is synced. Deliveries come in later turns of the event loop, in bursts.
 *
 * Methods throw `ReplyError` for what AMQP answers by closing the channel: 403 also for what the connection may not do.
 */
export class VirtualHost {
  readonly name: string
  /** Of its definitions in the log. */
  readonly number: number
  settings: HostSettings = {}
  /** What went through channels that are no more. */
  readonly closedChannels: MessageCounters = new MessageCounters()
  readonly #parts: VirtualHostParts
  readonly #connections = new Set<Connection>()
  #ended: Error | undefined

  constructor({ name, number }: HostName, parts: VirtualHostParts) {
    this.name = name
    this.number = number
    this.#parts = parts
  }

  /** Those who consume amq.rabbitmq.reply-to. */
  get directReplies(): DirectReplies {
    return this.#parts.replies
  }

  /** By name. */
  get queues(): ReadonlyMap<string, Queue> {
    return this.#parts.topology.queues
  }

  /** By name, those that are always there included; the default exchange, '', is none of them. */
  get exchanges(): ReadonlyMap<string, Exchange<Queue>> {
    return this.#parts.topology.exchanges
  }

  /** How many exchanges have gone: a name may mean another exchange since. */
  get removedExchanges(): number {
    return this.#parts.topology.removedExchanges
  }

  get discouraged(): DiscouragedUses {
    return this.#parts.discouraged
  }

  get policies(): Policies {
    return this.#parts.policies
  }

  get queueCount(): number {
    return this.queues.size
  }

  /** Those that are always there do not count. */
  get exchangeCount(): number {
    return this.#parts.topology.exchangeCount
  }

  get bindingCount(): number {
    return this.#parts.topology.bindingCount
  }

  get defaultExchange(): ExchangeCounters {
    return this.#parts.topology.defaultExchange
  }

  /** @param guard says what the connection may do, which is checked by the calls below that are given it */
  connect(guard: Guard = ANYTHING): Connection {
    this.#requireOpen()
    const connection = new Connection(
      this.name,
      guard,
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
    if (this.#ended !== undefined) return sink.confirmed(tag, 'refused', this.#ended)
    this.#parts.intake.publish(message, options, sink, tag)
  }

  /** What `publish` would throw for this message, without publishing it. */
  requirePublishable(message: Message): void {
    this.#parts.intake.requirePublishable(message)
  }

  /** @throws {ReplyError} 406 when an unequal one exists, 403 for a reserved name */
  declareExchange(definition: ExchangeDefinition, connection: Connection, done: Durable = ignore): void {
    this.#requireOpen()
    this.#parts.exchanges.declare(connection, definition, done)
  }

  /**
   * Deletes an exchange with its bindings, if there is one.
   *
   * @throws {ReplyError} 403 for a reserved name, 406 with `ifUnused` when something is bound to it
   */
  deleteExchange(name: string, connection: Connection, ifUnused: boolean, done: Durable = ignore): void {
    this.#requireOpen()
    this.#parts.exchanges.delete(connection, name, ifUnused, done)
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
    connection: Connection,
    destination: string,
    source: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.#parts.exchanges.bindExchange(connection, destination, { source, key, arguments: table }, done)
  }

  /** Takes a binding between exchanges back, as `unbind` does one to a queue. */
  unbindExchange(
    connection: Connection,
    destination: string,
    source: string,
    key: string,
    table: FieldTable = EMPTY_TABLE,
    done: Durable = ignore,
  ): void {
    this.#requireOpen()
    this.#parts.exchanges.unbindExchange(connection, destination, { source, key, arguments: table }, done)
  }

  /** Refuses everything from now on, with this error; nothing that waits to be due becomes so. */
  stop(error: Error): void {
    this.#ended ??= error
    this.#parts.delayed.close()
    this.#parts.application.stop()
  }

  /** Ends connections and queues, as the broker closes. What is stored stays. */
  close(error: Error): void {
    this.stop(error)
    for (const connection of this.#connections) connection.close()
    for (const queue of this.queues.values()) queue.close()
  }

  /** Ends connections, and deletes all that is here, in the log too. */
  empty(error: Error): void {
    this.stop(error)
    for (const connection of this.#connections) connection.close()
    this.#parts.delayed.drop()
    this.#parts.queues.removeAll()
    this.#parts.exchanges.removeAll()
    this.#parts.policies.removeAll()
  }

  #requireOpen(): void {
    if (this.#ended !== undefined) throw this.#ended
  }
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}
