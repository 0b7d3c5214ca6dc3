// Changes to the headers, and to what goes with them, of encoded basic properties: all other octets stay as they are, also
// where they are no text.
import { EXPIRATION, HEADERS, expirationAt, findHeader, headersAt, headersEnd, withLong } from './encoded-properties.ts'
import { ByteWriter } from './wire/byte-writer.ts'
import { TypedField, writeTable, type FieldTable } from './wire/field-table.ts'

/** The properties with these headers, whatever theirs are. */
export function withHeaders(properties: Uint8Array, headers: FieldTable): Uint8Array {
  const writer = new ByteWriter()
  writeTable(writer, headers)
  const changed = Buffer.concat([
    properties.subarray(0, headersAt(properties)),
    writer.bytes(),
    properties.subarray(headersEnd(properties)),
  ])
  changed.writeUInt8((changed[0] ?? 0) | HEADERS)
  return changed
}

/** The properties with a header that is a signed 64-bit integer, whether they had one of that name or not. */
export function withLongHeader(properties: Uint8Array, name: string, value: number): Uint8Array {
  const place = findHeader(properties, name)
  if (place !== undefined) return withLong(properties, place, value)
  const at = headersAt(properties)
  const end = headersEnd(properties)
  if (at === end) return withHeaders(properties, { [name]: TypedField.long('l', BigInt(value)) })
  const field = Buffer.alloc(1 + name.length + 9)
  field.writeUInt8(name.length)
  field.write(`${name}l`, 1, 'latin1')
  field.writeBigInt64BE(BigInt(value), field.length - 8)
  const changed = Buffer.concat([properties.subarray(0, end), field, properties.subarray(end)])
  changed.writeUInt32BE(end - at - 4 + field.length, at)
  return changed
}

/** The properties of a message that expires no more. */
export function withoutExpiration(properties: Uint8Array): Uint8Array {
  if (((properties[0] ?? 0) & EXPIRATION) === 0) return properties
  const at = expirationAt(properties)
  const changed = Buffer.concat([properties.subarray(0, at), properties.subarray(at + 1 + (properties[at] ?? 0))])
  changed.writeUInt8((changed[0] ?? 0) & ~EXPIRATION)
  return changed
}
