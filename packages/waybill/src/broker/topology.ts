import { Exchange, bindingId, type ExchangeDefinition } from './exchange/exchange.ts'
import { isHeadersBinding } from './exchange/headers-matcher.ts'
import type { Queue } from './queue/queue.ts'
import { ReplyError } from './reply-error.ts'
import type { FieldTable } from './wire/field-table.ts'

const PREDECLARED: readonly ExchangeDefinition[] = (
  [
    ['amq.direct', 'direct'],
    ['amq.fanout', 'fanout'],
    ['amq.topic', 'topic'],
    ['amq.headers', 'headers'],
    ['amq.match', 'headers'],
  ] as const
).map(([name, type]) => ({ name, type, durable: true, autoDelete: false, internal: false }))

/** Alternate exchanges followed for one message; a longer chain is a circle. */
const MAX_ALTERNATES = 8

/** Names that begin so are the broker's (AMQP 0-9-1, section 3.1.3). */
const RESERVED = 'amq.'

/** Exchanges, queues and bindings by name, and the rules for declaring and deleting them. Knows nothing of durability. */
export class Topology {
  readonly exchanges: Map<string, Exchange<Queue>> = new Map()
  readonly queues: Map<string, Queue> = new Map()

  constructor() {
    for (const definition of PREDECLARED) this.exchanges.set(definition.name, new Exchange(definition))
  }

  /**
   * `false` when an equal one exists.
   *
   * @throws {ReplyError} 406 when an unequal one exists, 403 for a reserved name
   */
  declareExchange(definition: ExchangeDefinition): boolean {
    const existing = this.exchanges.get(definition.name)
    if (existing !== undefined) {
      requireEqualExchange(existing.definition, definition)
      return false
    }
    requireOwnName('exchange', definition.name)
    this.exchanges.set(definition.name, new Exchange(definition))
    return true
  }

  /**
   * Removes an exchange with its bindings; `undefined` when there is none.
   *
   * @throws {ReplyError} 403 for a reserved name, 406 with `ifUnused` when it has bindings
   */
  deleteExchange(name: string, ifUnused: boolean): Exchange<Queue> | undefined {
    requireOwnName('exchange', name)
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) return undefined
    if (ifUnused && exchange.bindings.length > 0) throw new ReplyError(406, `exchange '${name}' in use`)
    this.exchanges.delete(name)
    return exchange
  }

  /** @throws {ReplyError} 404 */
  exchange(name: string): Exchange<Queue> {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) throw new ReplyError(404, `no exchange '${name}'`)
    return exchange
  }

  /**
   * `false` when the binding exists.
   *
   * @throws {ReplyError} 403 for the default exchange, 404 when the exchange is missing, 406 for an unknown `x-match`
   */
  bind(queue: Queue, exchangeName: string, key: string, table: FieldTable): boolean {
    const exchange = this.#bindable(exchangeName)
    if (exchange.definition.type === 'headers' && !isHeadersBinding(table)) {
      throw new ReplyError(406, `x-match of a binding to '${exchangeName}' is not all, any, all-with-x or any-with-x`)
    }
    return exchange.bind(queue, key, table)
  }

  /** A binding from the log; its queue or exchange may have gone in the same instant as the process. */
  restoreBinding(queueName: string, exchangeName: string, key: string, table: FieldTable): void {
    const queue = this.queues.get(queueName)
    if (queue !== undefined) this.exchanges.get(exchangeName)?.bind(queue, key, table)
  }

  /** `false` when there is no such binding. */
  unbind(queue: Queue, exchangeName: string, key: string, table: FieldTable): boolean {
    return this.#bindable(exchangeName).unbind(queue, key, table)
  }

  /**
   * The queues of a message, each once.
   *
   * @throws {ReplyError} 404 when the exchange is missing
   */
  route(exchangeName: string, routingKey: string, headers: () => FieldTable): readonly Queue[] {
    if (exchangeName === '') return this.queues.get(routingKey)?.alone ?? NOWHERE
    let exchange: Exchange<Queue> | undefined = this.exchange(exchangeName)
    for (let followed = 0; exchange !== undefined && followed <= MAX_ALTERNATES; followed++) {
      const queues = exchange.route(routingKey, headers)
      const { alternate } = exchange.definition
      if (queues.length > 0 || alternate === undefined) return queues
      if (alternate === '') return this.queues.get(routingKey)?.alone ?? NOWHERE
      exchange = this.exchanges.get(alternate)
    }
    return NOWHERE
  }

  /** Removes a queue and its bindings, which are returned with the exchanges they were of. */
  removeQueue(queue: Queue): readonly { readonly exchange: Exchange<Queue>; readonly id: string }[] {
    this.queues.delete(queue.name)
    const removed: { exchange: Exchange<Queue>; id: string }[] = []
    for (const exchange of this.exchanges.values()) {
      for (const binding of exchange.bindings) {
        if (binding.destination !== queue) continue
        exchange.unbind(queue, binding.key, binding.arguments)
        removed.push({ exchange, id: bindingId(queue.name, binding.key, binding.arguments) })
      }
    }
    return removed
  }

  #bindable(exchangeName: string): Exchange<Queue> {
    if (exchangeName === '') throw new ReplyError(403, 'operation not permitted on the default exchange')
    return this.exchange(exchangeName)
  }
}

const NOWHERE: readonly Queue[] = []

/** @throws {ReplyError} 403 when the name is the broker's */
export function requireOwnName(what: 'exchange' | 'queue', name: string): void {
  if (name === '' && what === 'exchange') throw new ReplyError(403, 'operation not permitted on the default exchange')
  if (name.startsWith(RESERVED)) {
    throw new ReplyError(403, `${what} name '${name}' contains reserved prefix '${RESERVED}*'`)
  }
}

function requireEqualExchange(existing: ExchangeDefinition, declared: ExchangeDefinition): void {
  for (const property of ['type', 'durable', 'autoDelete', 'internal', 'alternate'] as const) {
    const [has, asked] = [existing[property], declared[property]].map((value) => String(value ?? 'none'))
    if (has !== asked) {
      throw new ReplyError(
        406,
        `inequivalent arg '${property}' for exchange '${existing.name}': received '${asked}' but current is '${has}'`,
      )
    }
  }
}
