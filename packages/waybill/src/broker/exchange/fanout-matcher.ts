import type { FieldTable } from '../wire/field-table.ts'
import type { Binding, Matcher } from './matcher.ts'

/** Every binding, whatever the key (AMQP 0-9-1, section 3.1.3.2). */
export class FanoutMatcher<T> implements Matcher<T> {
  readonly byKeyAlone = true
  readonly #bindings = new Set<Binding<T>>()

  add(binding: Binding<T>): void {
    this.#bindings.add(binding)
  }

  remove(binding: Binding<T>): void {
    this.#bindings.delete(binding)
  }

  match(_routingKey: string, _headers: () => FieldTable, found: Set<T>): void {
    for (const binding of this.#bindings) found.add(binding.destination)
  }
}
