import type { FieldTable } from '../wire/field-table.ts'
import type { Binding, Matcher } from './matcher.ts'

/** Routing key equal to binding key (AMQP 0-9-1, section 3.1.3.1). */
export class DirectMatcher<T> implements Matcher<T> {
  readonly byKeyAlone = true
  readonly #byKey = new Map<string, Set<Binding<T>>>()

  add(binding: Binding<T>): void {
    const bindings = this.#byKey.get(binding.key)
    if (bindings === undefined) this.#byKey.set(binding.key, new Set([binding]))
    else bindings.add(binding)
  }

  remove(binding: Binding<T>): void {
    const bindings = this.#byKey.get(binding.key)
    if (bindings?.delete(binding) === true && bindings.size === 0) this.#byKey.delete(binding.key)
  }

  match(routingKey: string, _headers: () => FieldTable, found: Set<T>): void {
    const bindings = this.#byKey.get(routingKey)
    if (bindings !== undefined) for (const binding of bindings) found.add(binding.destination)
  }
}
