import { ReplyError } from '../reply-error.ts'
import type { ExchangeDefinition } from './exchange.ts'

/** Properties of a definition that must be equal, by their names on the wire, in the order in which they are compared. */
const PROPERTIES = [
  ['type', 'type'],
  ['durable', 'durable'],
  ['auto_delete', 'autoDelete'],
  ['internal', 'internal'],
] as const
const ARGUMENTS = [
  ['alternate-exchange', 'alternate'],
  ['x-delayed-type', 'delayedType'],
] as const

/**
 * Compares a declaration with the exchange that exists.
 *
 * @throws {ReplyError} 406 naming the first difference, in RabbitMQ's words
 */
export function requireEqualExchange(existing: ExchangeDefinition, declared: ExchangeDefinition, vhost: string): void {
  const inequivalent = (argument: string, asked: string, has: string): ReplyError =>
    new ReplyError(
      406,
      `inequivalent arg '${argument}' for exchange '${existing.name}' in vhost '${vhost}': received ${asked} but current is ${has}`,
    )
  for (const [name, property] of PROPERTIES) {
    const [has, asked] = [existing[property], declared[property]]
    if (has !== asked) throw inequivalent(name, `'${asked}'`, `'${has}'`)
  }
  for (const [name, argument] of ARGUMENTS) {
    const [has, asked] = [existing[argument], declared[argument]]
    if (has === asked) continue
    if (has !== undefined && asked !== undefined) throw inequivalent(name, `'${asked}'`, `'${has}'`)
    throw inequivalent(name, valueOrNone(asked), valueOrNone(has))
  }
}

function valueOrNone(value: string | undefined): string {
  return value === undefined ? 'none' : `the value '${value}' of type 'longstr'`
}
