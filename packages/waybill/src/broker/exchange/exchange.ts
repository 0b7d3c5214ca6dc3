import type { FieldTable } from '../wire/field-table.ts'
import { DirectMatcher } from './direct-matcher.ts'
import { FanoutMatcher } from './fanout-matcher.ts'
import { HeadersMatcher } from './headers-matcher.ts'
import type { Binding, ExchangeType, Matcher, RoutingType } from './matcher.ts'
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
}

/** Routing keys whose answer is remembered, per exchange; beyond it all are forgotten, as keys then seem to be unbounded. */
const MAX_REMEMBERED_KEYS = 1_024

const MATCHERS: { readonly [type in RoutingType]: <T>() => Matcher<T> } = {
  direct: () => new DirectMatcher(),
  fanout: () => new FanoutMatcher(),
  topic: () => new TopicMatcher(),
  headers: () => new HeadersMatcher(),
}

/** An exchange and its bindings to destinations, of which it knows the name alone. */
export class Exchange<T extends { readonly name: string }> {
  readonly definition: ExchangeDefinition
  readonly #matcher: Matcher<T>
  readonly #bindings = new Map<string, Binding<T>>()
  readonly #remembered = new Map<string, readonly T[]>()

  constructor(definition: ExchangeDefinition) {
    this.definition = definition
    const { type, delayedType = 'direct' } = definition
    this.#matcher = MATCHERS[type === 'x-delayed-message' ? delayedType : type]<T>()
  }

  get bindings(): readonly Binding<T>[] {
    return [...this.#bindings.values()]
  }

  /** `false` when it was there already. */
  bind(destination: T, key: string, table: FieldTable): boolean {
    const id = bindingId(destination.name, key, table)
    if (this.#bindings.has(id)) return false
    const binding = { key, arguments: table, destination }
    this.#bindings.set(id, binding)
    this.#matcher.add(binding)
    this.#remembered.clear()
    return true
  }

  /** `false` when there is none. */
  unbind(destination: T, key: string, table: FieldTable): boolean {
    const id = bindingId(destination.name, key, table)
    const binding = this.#bindings.get(id)
    if (binding === undefined) return false
    this.#bindings.delete(id)
    this.#matcher.remove(binding)
    this.#remembered.clear()
    return true
  }

  /** The destinations of a message, each once. */
  route(routingKey: string, headers: () => FieldTable): readonly T[] {
    const remembered = this.#remembered.get(routingKey)
    if (remembered !== undefined) return remembered
    const found = new Set<T>()
    this.#matcher.match(routingKey, headers, found)
    const route = [...found]
    if (this.#matcher.byKeyAlone) {
      if (this.#remembered.size >= MAX_REMEMBERED_KEYS) this.#remembered.clear()
      this.#remembered.set(routingKey, route)
    }
    return route
  }
}

/** Two bindings are one when this is equal; it also names a durable binding in the log. */
export function bindingId(destination: string, key: string, table: FieldTable): string {
  return JSON.stringify([destination, key, canonical(table)])
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
