import { ByteWriter } from '../../wire/byte-writer.ts'
import { writeTable, type FieldTable, type FieldValue } from '../../wire/field-table.ts'
import { decodeProperties, encodeProperties } from '../../wire/properties.ts'

/** Name and type of the field of `x-death` that says when. */
const TIME = '\u0004timeT'

/**
 * Encoded properties as text, octet by octet; those of a dead letter without what differs from run to run and from version
 * to version: instants, the order of fields, and headers that came with 3.13.
 */
export function shownProperties(properties: Buffer): string {
  if (!properties.includes('x-death')) return properties.toString('latin1')
  const { headers = {}, ...rest } = decodeProperties(properties)
  const compared = Object.entries(headers).filter(([name]) => !name.startsWith('x-last-death-'))
  const writer = new ByteWriter()
  writeTable(writer, sorted(Object.fromEntries(compared)))
  const table = withoutInstants(Buffer.from(writer.bytes()))
  return Buffer.concat([encodeProperties(rest), table]).toString('latin1')
}

function withoutInstants(octets: Buffer): Buffer {
  for (let at = octets.indexOf(TIME); at !== -1; at = octets.indexOf(TIME, at + 1))
    octets.fill('-', at + TIME.length, at + TIME.length + 8)
  return octets
}

function sorted(table: FieldTable): FieldTable {
  const entries = Object.entries(table).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(sortedItem) : value]),
  )
}

function sortedItem(item: FieldValue): FieldValue {
  const isTable = typeof item === 'object' && item !== null && Object.getPrototypeOf(item) === null
  return isTable ? sorted(item as FieldTable) : item // tables that were read have no prototype
}
