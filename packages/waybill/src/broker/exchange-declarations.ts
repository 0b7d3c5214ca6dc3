import type { Connection } from './connection.ts'
import type { BindingName, DurableDefinitions } from './durable-definitions.ts'
import type { EntityCount } from './entity-limits.ts'
import { entityName, requireDeletable, requireNotDefault } from './entity-name.ts'
import { Exchange, type Bound, type Destination, type ExchangeDefinition } from './exchange/exchange.ts'
import type { Queue } from './queue/queue.ts'
import { ReplyError } from './reply-error.ts'
import type { Durable } from './store/message-log.ts'
import type { Topology } from './topology.ts'
import type { FieldTable } from './wire/field-table.ts'

/** What a binding is declared with. */
export interface BindingTerms {
  readonly source: string
  readonly key: string
  readonly arguments: FieldTable
}

/** Declares and deletes exchanges and bindings: in the topology, and in the log where they are durable. */
export class ExchangeDeclarations {
  readonly #vhost: string
  readonly #topology: Topology
  readonly #definitions: DurableDefinitions
  readonly #count: EntityCount

  /** @param vhost name of the virtual host, for errors */
  constructor(vhost: string, topology: Topology, definitions: DurableDefinitions, count: EntityCount) {
    this.#vhost = vhost
    this.#topology = topology
    this.#definitions = definitions
    this.#count = count
  }

  declare({ guard }: Connection, declared: ExchangeDefinition, done: Durable): void {
    const definition = { ...declared, name: entityName(declared.name) }
    const { name, alternate } = definition
    requireNotDefault(name)
    guard.require('configure', 'exchange', name)
    if (alternate !== undefined && !this.#topology.exchanges.has(name)) {
      guard.require('read', 'exchange', name)
      guard.require('write', 'exchange', alternate)
    }
    if (!this.#topology.exchanges.has(name)) {
      this.#count.requireRoom('exchanges', `exchange '${name}' in vhost '${this.#vhost}'`)
    }
    if (this.#topology.declareExchange(definition) && definition.durable) this.#definitions.exchange(definition, done)
    else this.#definitions.afterEarlier(done)
  }

  /** @throws {ReplyError} 403 for a reserved name, 406 with `ifUnused` when it has bindings */
  delete({ guard }: Connection, given: string, ifUnused: boolean, done: Durable): void {
    const name = entityName(given)
    requireNotDefault(name)
    guard.require('configure', 'exchange', name)
    requireDeletable(name, this.#vhost)
    const exchange = this.#topology.exchanges.get(name)
    if (exchange === undefined) return done(undefined)
    if (ifUnused && exchange.isBound) throw new ReplyError(406, `exchange '${name}' in vhost '${this.#vhost}' in use`)
    this.#remove(exchange, done)
  }

  /** @throws {ReplyError} 403 for the default exchange, 404 or 405 for the queue, 406 for an unknown `x-match` */
  bindQueue(connection: Connection, queueName: string, given: BindingTerms, done: Durable): void {
    const name = entityName(queueName)
    const terms = this.#permitted(connection, 'queue', name, given)
    this.#bind(this.#topology.exchange(terms.source), connection.queue(name), terms, done)
  }

  /** @throws {ReplyError} 403 for the default exchange, 404, 406 for an unknown `x-match` */
  bindExchange(connection: Connection, destination: string, given: BindingTerms, done: Durable): void {
    const name = entityName(destination)
    const terms = this.#permitted(connection, 'exchange', name, given)
    this.#bind(this.#topology.exchange(terms.source), this.#topology.exchange(name), terms, done)
  }

  /** As in RabbitMQ, it is no error when there is no such queue, exchange or binding. */
  unbindQueue(connection: Connection, queueName: string, given: BindingTerms, done: Durable): void {
    const name = entityName(queueName)
    const terms = this.#permitted(connection, 'queue', name, given)
    const queue = this.#topology.queues.get(name)
    if (queue !== undefined) connection.requireAccess(queue)
    this.#unbind(queue, terms, done)
  }

  unbindExchange(connection: Connection, destination: string, given: BindingTerms, done: Durable): void {
    const name = entityName(destination)
    const terms = this.#permitted(connection, 'exchange', name, given)
    this.#unbind(this.#topology.exchanges.get(name), terms, done)
  }

  /** A binding from the log; what it leads from or to may have gone in the same instant as the process. */
  restoreBinding({ source, to, destination, key, arguments: table }: BindingName): void {
    const exchange = this.#topology.exchanges.get(source)
    const found = to === 'queue' ? this.#topology.queues.get(destination) : this.#topology.exchanges.get(destination)
    if (exchange !== undefined && found !== undefined) this.#topology.bind(found, exchange, key, table)
  }

  /** Bindings have been removed from the topology: the log forgets them, and auto-delete exchanges without any go. */
  unbound(bindings: readonly Bound<Queue>[], done: Durable = ignore): void {
    const last = bindings.findLast(isDurable)
    for (const binding of bindings) {
      if (isDurable(binding)) this.#definitions.removeBinding(nameOf(binding), binding === last ? done : ignore)
    }
    if (last === undefined) done(undefined)
    for (const { source } of bindings) {
      const isThere = this.#topology.exchanges.get(source.name) === source
      if (source.definition.autoDelete && !source.isBound && isThere) this.#remove(source, ignore)
    }
  }

  /** All go, as their virtual host does. */
  removeAll(): void {
    for (const exchange of this.#topology.exchanges.values()) this.#remove(exchange, ignore)
  }

  /**
   * The terms with the name that is meant. Who binds or unbinds must be let write to the destination, and read the source.
   *
   * @throws {ReplyError} 403
   */
  #permitted(
    { guard }: Connection,
    kind: 'queue' | 'exchange',
    destination: string,
    given: BindingTerms,
  ): BindingTerms {
    const source = entityName(given.source)
    guard.require('write', kind, destination)
    if (kind === 'exchange') requireNotDefault(destination)
    requireNotDefault(source)
    guard.require('read', 'exchange', source)
    if (this.#topology.exchanges.get(source)?.isTopic === true) guard.requireTopic('read', source, given.key)
    return { ...given, source }
  }

  #bind(
    source: Exchange<Queue>,
    destination: Destination<Queue>,
    { key, arguments: table }: BindingTerms,
    done: Durable,
  ): void {
    const binding = this.#topology.bind(destination, source, key, table)
    if (binding !== undefined) this.#requireRoomFor(binding)
    if (binding !== undefined && isDurable(binding)) this.#definitions.binding(nameOf(binding), done)
    else this.#definitions.afterEarlier(done)
  }

  /** Only a binding that was not there before needs room, so that it is made first. */
  #requireRoomFor({ source, destination, key, arguments: table }: Bound<Queue>): void {
    try {
      this.#count.requireRoom('bindings', `a binding of exchange '${source.name}' in vhost '${this.#vhost}'`, 1)
    } catch (error) {
      this.#topology.unbind(destination, source, key, table)
      throw error
    }
  }

  #unbind(destination: Destination<Queue> | undefined, terms: BindingTerms, done: Durable): void {
    const source = this.#topology.exchanges.get(terms.source)
    const binding =
      destination === undefined || source === undefined
        ? undefined
        : this.#topology.unbind(destination, source, terms.key, terms.arguments)
    if (binding === undefined) return this.#definitions.afterEarlier(done)
    this.unbound([binding], done)
  }

  #remove(exchange: Exchange<Queue>, done: Durable): void {
    const bindings = this.#topology.removeExchange(exchange)
    this.unbound(bindings)
    if (exchange.definition.durable) this.#definitions.removeExchange(exchange.name, done)
    else done(undefined)
  }
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}

function isDurable({ source, destination }: Bound<Queue>): boolean {
  return (
    source.definition.durable &&
    (destination instanceof Exchange ? destination.definition.durable : destination.isStored)
  )
}

function nameOf({ source, destination, key, arguments: table }: Bound<Queue>): BindingName {
  const to = destination instanceof Exchange ? 'exchange' : 'queue'
  return { source: source.name, to, destination: destination.name, key, arguments: table }
}
