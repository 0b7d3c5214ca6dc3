// Field tables as JSON, as RabbitMQ's management API shows and takes them.
import { isJsonObject, type Json, type JsonObject } from './json.ts'
import { TypedField, type FieldTable, type FieldValue } from './field-table.ts'

/** What JSON has no type for becomes the nearest: bytes a text, times and decimals numbers. */
export function tableJson(table: FieldTable): JsonObject {
  // Own fields whatever their names.
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, valueJson(value)]))
}

/** Longer ones are not kept to be shown. */
const MOST_SHOWN_CHARACTERS = 4_096

/** The arguments of a declaration, to be kept with the definition; nothing where there are none. */
export function shownTable(table: FieldTable): { readonly declared?: JsonObject } {
  const declared = tableJson(table)
  const { length } = JSON.stringify(declared)
  return length <= '{}'.length || length > MOST_SHOWN_CHARACTERS ? {} : { declared }
}

/** Whole numbers become 64-bit integers (`l`), others doubles (`d`). */
export function jsonTable(object: JsonObject): FieldTable {
  const table = Object.create(null) as Record<string, FieldValue>
  for (const [name, value] of Object.entries(object)) if (value !== undefined) table[name] = fieldOf(value)
  return table
}

function valueJson(value: FieldValue): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (value instanceof Uint8Array) return text(value)
  if (value instanceof TypedField) return typedJson(value)
  return isFieldList(value) ? value.map(valueJson) : tableJson(value)
}

function typedJson({ letter, value }: TypedField): Json {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (letter !== 'D') return text(value)
  const decimal = Buffer.from(value)
  return decimal.readInt32BE(1) / 10 ** decimal.readUInt8(0)
}

function fieldOf(value: Json): FieldValue {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? TypedField.long('l', BigInt(value)) : TypedField.number('d', value)
  if (isJsonObject(value)) return jsonTable(value)
  return isJsonList(value) ? value.map(fieldOf) : value
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

function isFieldList(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value)
}

function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
