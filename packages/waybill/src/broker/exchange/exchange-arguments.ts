import { ReplyError } from '../reply-error.ts'
import { TypedField, type FieldTable, type FieldValue } from '../wire/field-table.ts'
import { shownTable } from '../wire/table-json.ts'
import type { ExchangeDefinition } from './exchange.ts'
import { ROUTING_TYPES, type RoutingType } from './matcher.ts'

/** Delays what it routes (RabbitMQ, the delayed message exchange plugin). */
export const DELAYED_TYPE = 'x-delayed-message'

const ALTERNATE = 'alternate-exchange'
const ROUTES_AS = 'x-delayed-type'

/** @throws {ReplyError} 406 for an unknown type, or an argument that is not what it must be */
export function exchangeDefinition(
  flags: Pick<ExchangeDefinition, 'name' | 'durable' | 'autoDelete' | 'internal'> & { readonly type: string },
  table: FieldTable,
  vhost: string,
): ExchangeDefinition {
  const { name, type, durable, autoDelete, internal } = flags
  return {
    name,
    durable,
    autoDelete,
    internal,
    ...readExchangeArguments(name, type, table, vhost),
    ...shownTable(table),
  }
}

/**
 * Reads the type and the arguments of exchange.declare. Arguments that nobody knows are accepted.
 *
 * @throws {ReplyError} 406 for an unknown type, or an argument that is not what it must be
 */
export function readExchangeArguments(
  name: string,
  type: string,
  table: FieldTable,
  vhost: string,
): Pick<ExchangeDefinition, 'type' | 'alternate' | 'delayedType'> {
  const where = `exchange '${name}' in vhost '${vhost}'`
  const alternate = readAlternate(where, table[ALTERNATE])
  if (isRoutingType(type)) return { type, ...alternate }
  if (type !== DELAYED_TYPE) {
    throw new ReplyError(406, `invalid exchange type '${type}' for ${where}`)
  }
  const delayedType = table[ROUTES_AS]
  if (!isRoutingType(delayedType)) {
    throw new ReplyError(406, `invalid arg '${ROUTES_AS}' for ${where}: it must be one of ${ROUTING_TYPES.join(', ')}`)
  }
  return { type, delayedType, ...alternate }
}

function readAlternate(where: string, value: FieldValue | undefined): { readonly alternate?: string } {
  if (value === undefined) return {}
  if (typeof value === 'string') return { alternate: value }
  throw new ReplyError(406, `invalid type '${typeOf(value)}' for arg '${ALTERNATE}' in ${where}`)
}

function isRoutingType(type: unknown): type is RoutingType {
  return ROUTING_TYPES.some((known) => known === type)
}

const LETTER_TYPES: Readonly<Record<TypedField['letter'], string>> = {
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'longstr',
  T: 'timestamp',
}

/** The type of a field in the words of RabbitMQ's error texts. */
function typeOf(value: FieldValue): string {
  if (typeof value === 'string') return 'longstr'
  if (typeof value === 'boolean') return 'bool'
  if (value === null) return 'void'
  if (value instanceof Uint8Array) return 'binary'
  if (value instanceof TypedField) return LETTER_TYPES[value.letter]
  return Array.isArray(value) ? 'array' : 'table'
}
