import { ReplyError } from '../reply-error.ts'
import { ByteWriter } from '../wire/byte-writer.ts'
import { plainValue, writeTable, type FieldTable, type FieldValue } from '../wire/field-table.ts'
import type { Binding, Matcher } from './matcher.ts'

/**
 * Compares headers with binding arguments (AMQP 0-9-1, section 3.1.3.4). `x-match` is `all` (default) or `any`, which
 * pass over arguments that begin with `x-`, or `all-with-x` or `any-with-x`, which compare those too. A void argument
 * asks only that the header is there.
 */
export class HeadersMatcher<T> implements Matcher<T> {
  readonly byKeyAlone = false
  readonly #bindings = new Map<Binding<T>, Pattern>()

  add(binding: Binding<T>): void {
    this.#bindings.set(binding, patternOf(binding.arguments))
  }

  remove(binding: Binding<T>): void {
    this.#bindings.delete(binding)
  }

  match(_routingKey: string, headers: () => FieldTable, found: Set<T>): void {
    if (this.#bindings.size === 0) return
    const given = headers()
    for (const [binding, pattern] of this.#bindings) if (matches(pattern, given)) found.add(binding.destination)
  }
}

const MATCH_MODES = ['all', 'any', 'all-with-x', 'any-with-x'] as const

/** @throws {ReplyError} 406 when `x-match` is none that exists; an absent one is `all` */
export function requireHeadersBinding(exchange: string, table: FieldTable, vhost: string): void {
  const mode = table['x-match']
  if (mode === undefined || MATCH_MODES.some((known) => known === mode)) return
  const given = typeof mode === 'string' ? `value '${mode}'` : `type, ${String(plainValue(mode))}`
  throw new ReplyError(
    406,
    `invalid x-match field ${given} in a binding of exchange '${exchange}' in vhost '${vhost}'; expected all, any, all-with-x, or any-with-x`,
  )
}

interface Pattern {
  readonly any: boolean
  readonly wanted: readonly (readonly [name: string, value: FieldValue])[]
}

function patternOf(table: FieldTable): Pattern {
  const mode = plainValue(table['x-match']) ?? 'all'
  const withX = mode === 'all-with-x' || mode === 'any-with-x'
  return {
    any: mode === 'any' || mode === 'any-with-x',
    wanted: Object.entries(table).filter(([name]) => name !== 'x-match' && (withX || !name.startsWith('x-'))),
  }
}

function matches({ any, wanted }: Pattern, headers: FieldTable): boolean {
  const holds = ([name, value]: readonly [string, FieldValue]): boolean => {
    const given = headers[name]
    if (given === undefined) return false
    const expected = plainValue(value)
    return expected === null || areEqual(given, value)
  }
  return any ? wanted.some(holds) : wanted.every(holds)
}

/** Numbers of any width are equal where their values are; octets, arrays and tables only octet by octet. */
function areEqual(given: FieldValue, wanted: FieldValue): boolean {
  if (Object.is(plainValue(given), plainValue(wanted))) return true
  return isComposed(given) && isComposed(wanted) && Buffer.from(encoded(given)).equals(encoded(wanted))
}

function isComposed(value: FieldValue): boolean {
  return typeof value === 'object' && value !== null
}

function encoded(value: FieldValue): Uint8Array {
  const writer = new ByteWriter()
  writeTable(writer, { value })
  return writer.bytes()
}
