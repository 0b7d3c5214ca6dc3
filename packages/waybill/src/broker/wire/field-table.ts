// Field tables (AMQP 0-9-1, section 4.2.5.5), with the type letters that RabbitMQ and its clients use:
//
//   field-table  = long-uint *( short-string field-value )     the length counts octets
//   field-value  = 't' octet                 boolean
//                / 'b' int8    / 'B' uint8   / 's' int16  / 'u' uint16
//                / 'I' int32   / 'i' uint32  / 'l' int64
//                / 'f' float32 / 'd' float64
//                / 'D' octet int32           decimal: scale, then the number without its point
//                / 'S' long-uint *octet      string
//                / 'x' long-uint *octet      bytes
//                / 'A' long-uint *field-value
//                / 'T' uint64                seconds since the epoch
//                / 'F' field-table
//                / 'V'                       void
import { WaybillError } from '../../message/errors.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

export interface FieldTable {
  readonly [name: string]: FieldValue
}

/**
 * A JavaScript type stands for one letter each (S t V x F A); what has no type of its own is a `TypedField` and says its
 * letter. So nothing changes type on its way through.
 */
export type FieldValue = string | boolean | null | Uint8Array | TypedField | readonly FieldValue[] | FieldTable

export type NumberLetter = 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'f' | 'd'

export class TypedField {
  readonly letter: NumberLetter | 'l' | 'T' | 'D' | 'S'
  /** Bytes for `S` (a string that is not UTF-8) and for `D` (its five octets as they are). */
  readonly value: number | bigint | Uint8Array

  private constructor(letter: TypedField['letter'], value: TypedField['value']) {
    this.letter = letter
    this.value = value
  }

  static number(letter: NumberLetter, value: number): TypedField {
    return new TypedField(letter, value)
  }

  static long(letter: 'l' | 'T', value: bigint): TypedField {
    return new TypedField(letter, value)
  }

  static bytes(letter: 'D' | 'S', value: Uint8Array): TypedField {
    return new TypedField(letter, value)
  }
}

export const EMPTY_TABLE: FieldTable = Object.freeze(Object.create(null) as FieldTable)

/** Tables and arrays within each other; deeper ones only serve to exhaust the stack. */
export const MAX_DEPTH = 16

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The value without its letter, to be compared: numbers of any width as `number`, times and 64-bit integers too. */
export function plainValue(value: FieldValue | undefined): unknown {
  if (!(value instanceof TypedField)) return value
  return typeof value.value === 'bigint' ? Number(value.value) : value.value
}

/** @throws {WaybillError} `WAYBILL_MALFORMED` for an unknown letter, too deep a table, or one that ends too early */
export function readTable(reader: ByteReader, depth = 0): FieldTable {
  if (depth > MAX_DEPTH) throw malformed(`field tables nested deeper than ${MAX_DEPTH}`)
  const table = Object.create(null) as Record<string, FieldValue>
  reader.sized(() => {
    while (reader.more) table[reader.shortString()] = readValue(reader, depth)
  })
  return table
}

function readArray(reader: ByteReader, depth: number): readonly FieldValue[] {
  if (depth > MAX_DEPTH) throw malformed(`field arrays nested deeper than ${MAX_DEPTH}`)
  const items: FieldValue[] = []
  reader.sized(() => {
    while (reader.more) items.push(readValue(reader, depth))
  })
  return items
}

function readValue(reader: ByteReader, depth: number): FieldValue {
  const letter = String.fromCharCode(reader.octet())
  switch (letter) {
    case 'S':
      return readText(reader.view(reader.long()))
    case 't':
      return reader.octet() !== 0
    case 'V':
      return null
    case 'x':
      return new Uint8Array(reader.view(reader.long()))
    case 'F':
      return readTable(reader, depth + 1)
    case 'A':
      return readArray(reader, depth + 1)
    case 'b':
      return TypedField.number(letter, reader.signedOctet())
    case 'B':
      return TypedField.number(letter, reader.octet())
    case 's':
      return TypedField.number(letter, reader.signedShort())
    case 'u':
      return TypedField.number(letter, reader.short())
    case 'I':
      return TypedField.number(letter, reader.signedLong())
    case 'i':
      return TypedField.number(letter, reader.long())
    case 'f':
      return TypedField.number(letter, reader.float())
    case 'd':
      return TypedField.number(letter, reader.double())
    case 'l':
      return TypedField.long(letter, reader.signedLongLong())
    case 'T':
      return TypedField.long(letter, reader.longLong())
    case 'D':
      return TypedField.bytes(letter, new Uint8Array(reader.view(5)))
    default:
      throw malformed(`field type ${JSON.stringify(letter)} is not one of t b B s u I i l f d D S x A T F V`)
  }
}

function readText(bytes: Uint8Array): FieldValue {
  try {
    return utf8.decode(bytes)
  } catch {
    // Not UTF-8, which the specification allows: kept as the octets it is.
    return TypedField.bytes('S', new Uint8Array(bytes))
  }
}

/**
 * @throws {RangeError} when a name is longer than 255 octets
 * @throws {TypeError} when it is nested deeper than can be read back
 */
export function writeTable(writer: ByteWriter, table: FieldTable, depth = 0): void {
  if (depth > MAX_DEPTH) throw new TypeError(`field tables nested deeper than ${MAX_DEPTH}`)
  writer.sized(() => {
    for (const name in table) {
      writer.shortString(name)
      writeValue(writer, table[name] as FieldValue, depth) // `name` is one of the table's
    }
  })
}

const letterCode = (letter: string): number => letter.charCodeAt(0)

function writeValue(writer: ByteWriter, value: FieldValue, depth: number): void {
  if (typeof value === 'string') {
    writer.octet(letterCode('S'))
    writer.longString(value)
  } else if (typeof value === 'boolean') {
    writer.octet(letterCode('t'))
    writer.octet(value ? 1 : 0)
  } else if (value === null) {
    writer.octet(letterCode('V'))
  } else if (value instanceof TypedField) {
    writer.octet(letterCode(value.letter))
    writeTyped(writer, value)
  } else if (value instanceof Uint8Array) {
    writer.octet(letterCode('x'))
    writer.sized(() => writer.raw(value))
  } else if (isArray(value)) {
    if (depth >= MAX_DEPTH) throw new TypeError(`field arrays nested deeper than ${MAX_DEPTH}`)
    writer.octet(letterCode('A'))
    writer.sized(() => value.forEach((item) => writeValue(writer, item, depth + 1)))
  } else {
    writer.octet(letterCode('F'))
    writeTable(writer, value, depth + 1)
  }
}

function writeTyped(writer: ByteWriter, { letter, value }: TypedField): void {
  if (typeof value === 'bigint') writer.longLong(value)
  else if (typeof value !== 'number') {
    if (letter === 'S') writer.sized(() => writer.raw(value))
    else writer.raw(value)
  } else if (letter === 'b' || letter === 'B') writer.octet(value & 0xff)
  else if (letter === 's' || letter === 'u') writer.short(value)
  else if (letter === 'f') writer.float(value)
  else if (letter === 'd') writer.double(value)
  else writer.long(value)
}

function isArray(value: readonly FieldValue[] | FieldTable): value is readonly FieldValue[] {
  return Array.isArray(value)
}

function malformed(what: string): WaybillError {
  return new WaybillError('WAYBILL_MALFORMED', what)
}
