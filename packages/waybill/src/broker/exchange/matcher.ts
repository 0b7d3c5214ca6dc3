import type { FieldTable } from '../wire/field-table.ts'

/** The ways of routing by bindings. */
export const ROUTING_TYPES = ['direct', 'fanout', 'topic', 'headers'] as const
export type RoutingType = (typeof ROUTING_TYPES)[number]

/** An exchange of type `x-delayed-message` routes as another type says, when the message is due. */
export type ExchangeType = RoutingType | 'x-delayed-message'

/** What leads from an exchange to a destination. Equal when all of exchange, destination, key and arguments are. */
export interface Binding<T> {
  readonly key: string
  readonly arguments: FieldTable
  readonly destination: T
}

/** The bindings of one exchange, and which of them a message matches: the part in which exchange types differ. */
export interface Matcher<T> {
  /** Routing depends on the routing key alone, so that the answer for a key may be kept. */
  readonly byKeyAlone: boolean
  add(binding: Binding<T>): void
  remove(binding: Binding<T>): void
  /** Adds to `found` the destinations of all bindings that match. `headers` is called only when they matter. */
  match(routingKey: string, headers: () => FieldTable, found: Set<T>): void
}
