// The name of a binding in an address (RabbitMQ, HTTP API Reference): its routing key, or that and a hash of its
// arguments; `~` alone where there is neither.
//
//   properties-key = "~" / key / key "~" hash      the key percent-encoded, with + for a space
import { createHash } from 'node:crypto'
import { bindingId } from '../../exchange/exchange.ts'
import type { FieldTable } from '../../wire/field-table.ts'

export interface KeyedBinding {
  readonly key: string
  readonly arguments: FieldTable
}

export function propertiesKey({ key, arguments: table }: KeyedBinding): string {
  const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('~', '%7E')
  const hasArguments = Object.keys(table).length > 0
  return hasArguments ? `${encoded}~${hash(table)}` : encoded === '' ? '~' : encoded
}

/** Whether the text names the binding; clients encode it once or twice, or not at all. */
export function hasPropertiesKey(binding: KeyedBinding, text: string): boolean {
  const own = propertiesKey(binding)
  return text === own || decoded(text) === decoded(own)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function hash(table: FieldTable): string {
  return createHash('sha256')
    .update(bindingId('', '', table))
    .digest('base64url')
    .slice(0, 6)
}
