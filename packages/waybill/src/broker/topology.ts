import { requireOwnName } from './entity-name.ts'
import { requireEqualExchange } from './exchange/exchange-equivalence.ts'
import { ExchangeCounters } from './exchange/exchange-counters.ts'
import { Exchange, routingType, type Bound, type Destination, type ExchangeDefinition } from './exchange/exchange.ts'
import { requireHeadersBinding } from './exchange/headers-matcher.ts'
import { Router } from './exchange/router.ts'
import type { Policies } from './policy/policies.ts'
import type { Queue } from './queue/queue.ts'
import { ReplyError } from './reply-error.ts'
import type { FieldTable } from './wire/field-table.ts'

const PREDECLARED: readonly ExchangeDefinition[] = (
  [
    ['amq.direct', 'direct', false],
    ['amq.fanout', 'fanout', false],
    ['amq.topic', 'topic', false],
    ['amq.headers', 'headers', false],
    ['amq.match', 'headers', false],
    ['amq.rabbitmq.trace', 'topic', true],
  ] as const
).map(([name, type, internal]) => ({ name, type, durable: true, autoDelete: false, internal }))

/** Exchanges, queues and bindings of a virtual host by name, and the rules for declaring and deleting them. Knows nothing of durability. */
export class Topology {
  readonly exchanges: Map<string, Exchange<Queue>> = new Map()
  readonly queues: Map<string, Queue> = new Map()
  /** To queues and to exchanges. */
  bindingCount = 0
  /** How many exchanges have gone: a name may mean another exchange since. */
  removedExchanges = 0
  /** The default exchange is no object of its own. */
  readonly defaultExchange: ExchangeCounters = new ExchangeCounters()
  readonly #vhost: string
  readonly #policies: Policies
  /** The bindings that lead to a queue or an exchange, so that they are found when it goes. */
  readonly #leadingTo = new Map<Destination<Queue>, Set<Bound<Queue>>>()
  readonly router: Router<Queue> = new Router({
    findExchange: (name) => this.exchanges.get(name),
    routeByName: (name) => this.routeByName(name),
  })

  /** @param vhost name of the virtual host, for errors */
  constructor(vhost: string, policies: Policies) {
    this.#vhost = vhost
    this.#policies = policies
    for (const definition of PREDECLARED) this.exchanges.set(definition.name, new Exchange(definition))
  }

  /** Those that are always there do not count. */
  get exchangeCount(): number {
    return this.exchanges.size - PREDECLARED.length
  }

  /**
   * `false` when an equal one exists.
   *
   * @throws {ReplyError} 406 when an unequal one exists, 403 for a reserved name
   */
  declareExchange(definition: ExchangeDefinition): boolean {
    const existing = this.exchanges.get(definition.name)
    if (existing !== undefined) {
      requireEqualExchange(existing.definition, definition, this.#vhost)
      return false
    }
    requireOwnName('exchange', definition.name)
    const exchange = new Exchange<Queue>(definition)
    exchange.policy = this.#policies.forExchange(definition)
    this.exchanges.set(definition.name, exchange)
    this.router.forget()
    return true
  }

  /** Removes an exchange; returns the bindings that went with it, from it and to it. */
  removeExchange(exchange: Exchange<Queue>): readonly Bound<Queue>[] {
    this.exchanges.delete(exchange.name)
    this.removedExchanges++
    const from = exchange.bindings
    for (const binding of from) this.#remove(binding)
    const to = this.#removeLeadingTo(exchange)
    this.router.forget()
    return [...from, ...to]
  }

  /** @throws {ReplyError} 404 */
  exchange(name: string): Exchange<Queue> {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) throw new ReplyError(404, `no exchange '${name}' in vhost '${this.#vhost}'`)
    return exchange
  }

  /**
   * The binding; `undefined` when it exists.
   *
   * @throws {ReplyError} 406 for an unknown `x-match`
   */
  bind(
    destination: Destination<Queue>,
    source: Exchange<Queue>,
    key: string,
    table: FieldTable,
  ): Bound<Queue> | undefined {
    if (routingType(source.definition) === 'headers') requireHeadersBinding(source.name, table, this.#vhost)
    const binding = source.bind(destination, key, table)
    if (binding === undefined) return undefined
    this.bindingCount++
    const leadingTo = this.#leadingTo.get(destination)
    if (leadingTo === undefined) this.#leadingTo.set(destination, new Set([binding]))
    else leadingTo.add(binding)
    this.router.forget()
    return binding
  }

  /** The binding that was removed; `undefined` when there is none. */
  unbind(
    destination: Destination<Queue>,
    source: Exchange<Queue>,
    key: string,
    table: FieldTable,
  ): Bound<Queue> | undefined {
    const binding = source.unbind(destination, key, table)
    if (binding !== undefined) this.#forgetLeadingTo(binding)
    return binding
  }

  /**
   * The queues of a message, each once.
   *
   * @throws {ReplyError} 404 when the exchange is missing
   */
  route(exchangeName: string, routingKey: string, headers: () => FieldTable): readonly Queue[] {
    if (exchangeName === '') return this.routeByName(routingKey)
    return this.router.route(this.exchange(exchangeName), routingKey, headers)
  }

  /** The queue of that name, alone: where the default exchange leads. */
  routeByName(name: string): readonly Queue[] {
    return this.queues.get(name)?.alone ?? NOWHERE
  }

  /** Removes a queue; returns the bindings that went with it. */
  removeQueue(queue: Queue): readonly Bound<Queue>[] {
    this.queues.delete(queue.name)
    return this.#removeLeadingTo(queue)
  }

  #removeLeadingTo(destination: Destination<Queue>): readonly Bound<Queue>[] {
    const bindings = [...(this.#leadingTo.get(destination) ?? [])]
    for (const binding of bindings) this.#remove(binding)
    return bindings
  }

  #remove({ source, destination, key, arguments: table }: Bound<Queue>): void {
    this.unbind(destination, source, key, table)
  }

  #forgetLeadingTo(binding: Bound<Queue>): void {
    this.bindingCount--
    const leadingTo = this.#leadingTo.get(binding.destination)
    leadingTo?.delete(binding)
    if (leadingTo?.size === 0) this.#leadingTo.delete(binding.destination)
    this.router.forget()
  }
}

const NOWHERE: readonly Queue[] = []
