import type { FieldTable } from '../wire/field-table.ts'
import { Exchange, type Destination, type Named } from './exchange.ts'

export interface RoutingTable<T extends Named> {
  findExchange(name: string): Exchange<T> | undefined
  /** The queue of that name, alone: the route of the default exchange. */
  routeByName(name: string): readonly T[]
}

/** The default exchange, which has no bindings. */
const DEFAULT_EXCHANGE = ''

/**
 * Finds the queues of a message through bindings between exchanges and alternate exchanges. Each exchange is passed once,
 * so that circles end, and each queue is found once.
 */
export class Router<T extends Named> {
  readonly #table: RoutingTable<T>
  #version = 1

  constructor(table: RoutingTable<T>) {
    this.#table = table
  }

  /** Bindings or exchanges have changed: nothing that is remembered holds any more. */
  forget(): void {
    this.#version++
  }

  route(exchange: Exchange<T>, routingKey: string, headers: () => FieldTable): readonly T[] {
    const remembered = exchange.remembered.get(routingKey, this.#version)
    if (remembered !== undefined) return remembered
    const { route, byKeyAlone } = this.#walk(exchange, [routingKey], headers)
    if (byKeyAlone) exchange.remembered.set(routingKey, this.#version, route)
    return route
  }

  /** The queues for any of the routing keys (sender-selected distribution), each once. */
  routeAny(exchange: Exchange<T>, routingKeys: readonly string[], headers: () => FieldTable): readonly T[] {
    return this.#walk(exchange, routingKeys, headers).route
  }

  #walk(
    first: Exchange<T>,
    routingKeys: readonly string[],
    headers: () => FieldTable,
  ): { readonly route: readonly T[]; readonly byKeyAlone: boolean } {
    const route = new Set<T>()
    let byKeyAlone = true
    // Grows while it is walked.
    const exchanges = new Set([first])
    for (const exchange of exchanges) {
      const found = new Set<Destination<T>>()
      for (const routingKey of routingKeys) exchange.match(routingKey, headers, found)
      byKeyAlone &&= exchange.byKeyAlone
      for (const destination of found) {
        if (destination instanceof Exchange) exchanges.add(destination)
        else route.add(destination)
      }
      // An alternate takes what its exchange has no binding for, wherever on the way that is, as in RabbitMQ.
      const { alternate } = exchange
      if (found.size > 0 || alternate === undefined) continue
      if (alternate === DEFAULT_EXCHANGE) {
        for (const routingKey of routingKeys) for (const queue of this.#table.routeByName(routingKey)) route.add(queue)
        // Queues come and go by themselves.
        byKeyAlone = false
      } else {
        const next = this.#table.findExchange(alternate)
        if (next !== undefined) exchanges.add(next)
      }
    }
    return { route: [...route], byKeyAlone }
  }
}
