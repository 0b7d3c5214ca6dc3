import type { FieldTable } from '../wire/field-table.ts'
import type { AppliedPolicy } from '../policy/policy-settings.ts'
import type { JsonObject } from '../wire/json.ts'
import { DirectMatcher } from './direct-matcher.ts'
import { ExchangeCounters } from './exchange-counters.ts'
import { FanoutMatcher } from './fanout-matcher.ts'
import { HeadersMatcher } from './headers-matcher.ts'
import type { Binding, ExchangeType, Matcher, RoutingType } from './matcher.ts'
import { RememberedRoutes } from './remembered-routes.ts'
import { TopicMatcher } from './topic-matcher.ts'

export interface ExchangeDefinition {
  readonly name: string
  readonly type: ExchangeType
  readonly durable: boolean
  /** Goes with its last binding. */
  readonly autoDelete: boolean
  /** Not to be published to. */
  readonly internal: boolean
  /** Takes what this one cannot route. */
  readonly alternate?: string
  /** How an exchange of type `x-delayed-message` routes. */
  readonly delayedType?: RoutingType
  /** All arguments of the declaration, those that mean nothing here too: to be shown, and never compared. */
  readonly declared?: JsonObject
}

export interface Named {
  readonly name: string
}

/** Where a binding leads: to a queue, or to an exchange that routes on. */
export type Destination<T extends Named> = T | Exchange<T>

/** A binding with the exchange it is of. */
export interface Bound<T extends Named> extends Binding<Destination<T>> {
  readonly source: Exchange<T>
}

const MATCHERS: { readonly [type in RoutingType]: <T>() => Matcher<T> } = {
  direct: () => new DirectMatcher(),
  fanout: () => new FanoutMatcher(),
  topic: () => new TopicMatcher(),
  headers: () => new HeadersMatcher(),
}

/** An exchange and its bindings to destinations, of which it knows the name alone. */
export class Exchange<T extends Named> {
  readonly definition: ExchangeDefinition
  /** For the router. */
  readonly remembered: RememberedRoutes<T> = new RememberedRoutes()
  readonly counters: ExchangeCounters = new ExchangeCounters()
  /** The one that holds for it. */
  policy: AppliedPolicy | undefined
  readonly #matcher: Matcher<Destination<T>>
  readonly #bindings = new Map<string, Bound<T>>()

  constructor(definition: ExchangeDefinition) {
    this.definition = definition
    this.#matcher = MATCHERS[routingType(definition)]<Destination<T>>()
  }

  get name(): string {
    return this.definition.name
  }

  /** Takes what this one cannot route: by its declaration, else by its policy. */
  get alternate(): string | undefined {
    return this.definition.alternate ?? this.policy?.settings.alternate
  }

  /** Whether messages may wait here before they are routed. */
  get isDelaying(): boolean {
    return this.definition.type === 'x-delayed-message'
  }

  get isTopic(): boolean {
    return routingType(this.definition) === 'topic'
  }

  get isBound(): boolean {
    return this.#bindings.size > 0
  }

  get bindings(): readonly Bound<T>[] {
    return [...this.#bindings.values()]
  }

  /** Whether its choice depends on the routing key alone. */
  get byKeyAlone(): boolean {
    return this.#matcher.byKeyAlone
  }

  /** The new binding; `undefined` when it was there already. */
  bind(destination: Destination<T>, key: string, table: FieldTable): Bound<T> | undefined {
    const id = idAmongBindings(destination, key, table)
    if (this.#bindings.has(id)) return undefined
    const binding = { key, arguments: table, destination, source: this }
    this.#bindings.set(id, binding)
    this.#matcher.add(binding)
    return binding
  }

  /** The binding that was removed; `undefined` when there is none. */
  unbind(destination: Destination<T>, key: string, table: FieldTable): Bound<T> | undefined {
    const id = idAmongBindings(destination, key, table)
    const binding = this.#bindings.get(id)
    if (binding === undefined) return undefined
    this.#bindings.delete(id)
    this.#matcher.remove(binding)
    return binding
  }

  /** Adds to `found` the destinations of all bindings that match. `headers` is called only when they matter. */
  match(routingKey: string, headers: () => FieldTable, found: Set<Destination<T>>): void {
    this.#matcher.match(routingKey, headers, found)
  }
}

/** How it chooses among its bindings. */
export function routingType({ type, delayedType = 'direct' }: ExchangeDefinition): RoutingType {
  return type === 'x-delayed-message' ? delayedType : type
}

/** Two bindings of an exchange to destinations of one kind are one when this is equal; it also names a durable one in the log. */
export function bindingId(destination: string, key: string, table: FieldTable): string {
  return JSON.stringify([destination, key, canonical(table)])
}

function idAmongBindings<T extends Named>(destination: Destination<T>, key: string, table: FieldTable): string {
  return (destination instanceof Exchange ? 'exchange ' : 'queue ') + bindingId(destination.name, key, table)
}

function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, canonical(field)])
}
