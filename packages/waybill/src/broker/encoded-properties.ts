// Looks into encoded basic properties (AMQP 0-9-1, section 4.2.6.1) and changes single places of them, without decoding
// the rest, so that everything else goes through octet for octet:
//
//   properties = flags:short-uint [ content-type:short-string ] [ content-encoding:short-string ] [ headers ]
//                [ delivery-mode:octet ] [ priority:octet ] [ correlation-id:short-string ] [ reply-to:short-string ] ...
//   headers    = length:long-uint *( name:short-string letter:octet value )      see wire/field-table.ts
//
// What is malformed is passed over here; who decodes it will say so.
import { FIELD_OCTETS, SIZED, UNKNOWN } from './wire/field-octets.ts'

const CONTENT_TYPE = 0x80
const CONTENT_ENCODING = 0x40
/** In the first octet of the flags. */
export const HEADERS = 0x20
const DELIVERY_MODE = 0x10
const PRIORITY = 0x08
const CORRELATION_ID = 0x04
const REPLY_TO = 0x02
/** In the first octet of the flags. */
export const EXPIRATION = 0x01

/** Where a header is. */
export interface HeaderPlace {
  /** Of the length of the whole table. */
  readonly table: number
  /** Of its name, with the length. */
  readonly start: number
  /** Of the letter of its type. */
  readonly letter: number
  readonly end: number
}

export function hasHeaders(properties: Uint8Array): boolean {
  return ((properties[0] ?? 0) & HEADERS) !== 0
}

/** @param name ASCII */
export function findHeader(properties: Uint8Array, name: string): HeaderPlace | undefined {
  if (!hasHeaders(properties)) return undefined
  const table = headersAt(properties)
  const end = Math.min(properties.length, table + 4 + longAt(properties, table))
  for (let start = table + 4; start < end;) {
    const letter = start + 1 + octetAt(properties, start)
    const next = afterField(properties, letter)
    if (next > end) return undefined
    if (letter - start - 1 === name.length && isText(properties, start + 1, name))
      return { table, start, letter, end: next }
    start = next
  }
  return undefined
}

/** The properties without one of their headers. */
export function withoutHeader(properties: Uint8Array, { table, start, end }: HeaderPlace): Uint8Array {
  const copy = Buffer.allocUnsafe(properties.length - (end - start))
  copy.set(properties.subarray(0, start))
  copy.set(properties.subarray(end), start)
  copy.writeUInt32BE(longAt(properties, table) - (end - start), table)
  return copy
}

/** The strings of a header that is an array, passing over what is no string; `undefined` when it is no array. */
export function stringsAt(properties: Uint8Array, { letter, end }: HeaderPlace): readonly string[] | undefined {
  if (letterAt(properties, letter) !== 'A') return undefined
  const bytes = viewOf(properties)
  const strings: string[] = []
  for (let at = letter + 5; at < end;) {
    const next = afterField(properties, at)
    if (next > end) break
    if (letterAt(properties, at) === 'S') strings.push(bytes.toString('utf8', at + 5, next))
    at = next
  }
  return strings
}

/** A header that is a whole number of any width; `undefined` when it is none. */
export function integerAt(properties: Uint8Array, { letter }: HeaderPlace): number | undefined {
  const bytes = viewOf(properties)
  const at = letter + 1
  switch (letterAt(properties, letter)) {
    case 'b':
      return bytes.readInt8(at)
    case 'B':
      return bytes.readUInt8(at)
    case 's':
      return bytes.readInt16BE(at)
    case 'u':
      return bytes.readUInt16BE(at)
    case 'I':
      return bytes.readInt32BE(at)
    case 'i':
      return bytes.readUInt32BE(at)
    case 'l':
      return Number(bytes.readBigInt64BE(at))
    default:
      return undefined
  }
}

/** The properties with another value of a header: a signed 64-bit integer. */
export function withLong(properties: Uint8Array, { table, letter, end }: HeaderPlace, value: number): Uint8Array {
  const grown = letter + 9 - end
  const copy = Buffer.allocUnsafe(properties.length + grown)
  copy.set(properties.subarray(0, letter))
  copy.write('l', letter, 'latin1')
  copy.writeBigInt64BE(BigInt(value), letter + 1)
  copy.set(properties.subarray(end), letter + 9)
  copy.writeUInt32BE(longAt(properties, table) + grown, table)
  return copy
}

/** The properties with another reply-to, which they must have; it has at most 255 octets. */
export function withReplyTo(properties: Uint8Array, replyTo: string): Uint8Array {
  const flags = properties[0] ?? 0
  let at = headersAt(properties)
  if (flags & HEADERS) at += 4 + longAt(properties, at)
  if (flags & DELIVERY_MODE) at++
  if (flags & PRIORITY) at++
  if (flags & CORRELATION_ID) at += 1 + octetAt(properties, at)
  if ((flags & REPLY_TO) === 0) throw new TypeError('these properties have no reply-to')
  const text = Buffer.from(replyTo)
  const rest = properties.subarray(at + 1 + octetAt(properties, at))
  return Buffer.concat([properties.subarray(0, at), Buffer.of(text.length), text, rest])
}

/** Where the expiration is, or would be. */
export function expirationAt(properties: Uint8Array): number {
  const flags = properties[0] ?? 0
  let at = headersEnd(properties)
  if (flags & DELIVERY_MODE) at++
  if (flags & PRIORITY) at++
  if (flags & CORRELATION_ID) at += 1 + octetAt(properties, at)
  if (flags & REPLY_TO) at += 1 + octetAt(properties, at)
  return at
}

/** The priority; 0 when there is none. */
export function priorityOf(properties: Uint8Array): number {
  const flags = properties[0] ?? 0
  if ((flags & PRIORITY) === 0) return 0
  let at = headersAt(properties)
  if (flags & HEADERS) at += 4 + longAt(properties, at)
  if (flags & DELIVERY_MODE) at++
  return octetAt(properties, at)
}

/** Where what comes behind the headers begins. */
export function headersEnd(properties: Uint8Array): number {
  const at = headersAt(properties)
  return hasHeaders(properties) ? at + 4 + longAt(properties, at) : at
}

/** Where the headers are, or would be. */
export function headersAt(properties: Uint8Array): number {
  const flags = properties[0] ?? 0
  let at = 2
  if (flags & CONTENT_TYPE) at += 1 + octetAt(properties, at)
  if (flags & CONTENT_ENCODING) at += 1 + octetAt(properties, at)
  return at
}

/** Where the field value whose letter is at `at` ends; Infinity when it has an unknown letter. */
function afterField(bytes: Uint8Array, at: number): number {
  const octets = FIELD_OCTETS[octetAt(bytes, at)] as number // an octet is below 256
  if (octets === SIZED) return at + 5 + longAt(bytes, at + 1)
  return octets === UNKNOWN ? Infinity : at + 1 + octets
}

function isText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

function letterAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(octetAt(bytes, at))
}

function octetAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

function longAt(bytes: Uint8Array, at: number): number {
  return (
    octetAt(bytes, at) * 0x1_00_00_00 +
    ((octetAt(bytes, at + 1) << 16) | (octetAt(bytes, at + 2) << 8) | octetAt(bytes, at + 3))
  )
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
