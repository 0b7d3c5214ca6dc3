import type { StoredMessage } from './message-log.ts'
import { RECORD, RECORD_HEADER_BYTES, payloadLengthAt, typeAt } from './record.ts'

// Payloads that carry a message. Sequences are u48, queues u32, all little-endian.
//
//   publish = sequence, queues u16, { queue } , content
//   move    = queue, sequence, zero u16, publish        settles the message of that queue, in the same stroke
//   copy    = sequence, holdings u16, { queue, deliveries u16 }, content       the message again, in a newer segment
//   content = lengths of exchange u16, routing key u16, properties u32; exchange, routing key (UTF-8), properties, body

export const MOVE_PREFIX_BYTES = 12
const CONTENT_HEADER_BYTES = 8
const LONGEST_NAME_BYTES = 0xffff

export interface ContentSize {
  readonly exchange: number
  readonly routingKey: number
  readonly total: number
}

/**
 * @param preface what goes before the properties
 * @throws {TypeError} when exchange or routing key is longer than 65,535 bytes
 */
export function contentSize(message: StoredMessage, preface: Uint8Array): ContentSize {
  const exchange = textBytes(message.exchange)
  const routingKey = textBytes(message.routingKey)
  if (exchange > LONGEST_NAME_BYTES || routingKey > LONGEST_NAME_BYTES)
    throw new TypeError(`exchange and routing key have at most ${LONGEST_NAME_BYTES} bytes`)
  const properties = preface.length + message.properties.length
  return {
    exchange,
    routingKey,
    total: CONTENT_HEADER_BYTES + exchange + routingKey + properties + message.body.length,
  }
}

export function publishBytes(queues: number, content: ContentSize): number {
  return 8 + queues * 4 + content.total
}

export function writePublish(
  bytes: Buffer,
  start: number,
  sequence: number,
  queues: readonly number[],
  message: StoredMessage,
  preface: Uint8Array,
  size: ContentSize,
): void {
  const { exchange, routingKey, properties, body } = message
  let at = bytes.writeUInt16LE(queues.length, bytes.writeUIntLE(sequence, start, 6))
  for (const queue of queues) at = bytes.writeUInt32LE(queue, at)
  at = bytes.writeUInt16LE(size.exchange, at)
  at = bytes.writeUInt16LE(size.routingKey, at)
  at = bytes.writeUInt32LE(preface.length + properties.length, at)
  at = writeText(bytes, at, exchange, size.exchange)
  at = writeText(bytes, at, routingKey, size.routingKey)
  at = writeBytes(bytes, at, preface)
  at = writeBytes(bytes, at, properties)
  bytes.set(body, at)
}

/** Below this, a loop is quicker than a call out of JavaScript. */
const SHORT_BYTES = 64

function textBytes(text: string): number {
  if (text.length > SHORT_BYTES) return Buffer.byteLength(text)
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return text.length
}

/** Returns where it ends. */
function writeText(bytes: Buffer, at: number, text: string, length: number): number {
  // As long in bytes as in code units: it is ASCII.
  if (length === text.length && length <= SHORT_BYTES)
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
  else bytes.write(text, at)
  return at + length
}

/** Returns where they end. */
function writeBytes(bytes: Buffer, at: number, written: Uint8Array): number {
  const { length } = written
  if (length > SHORT_BYTES) bytes.set(written, at)
  else for (let i = 0; i < length; i++) bytes[at + i] = written[i] as number // i is below the length
  return at + length
}

export function writeMovePrefix(bytes: Buffer, start: number, queue: number, sequence: number): void {
  bytes.writeUInt16LE(0, bytes.writeUIntLE(sequence, bytes.writeUInt32LE(queue, start), 6))
}

/** The sequence of the message in the record at `at`. */
export function messageSequence(bytes: Buffer, at: number): number {
  return bytes.readUIntLE(at + RECORD_HEADER_BYTES + (typeAt(bytes, at) === RECORD.move ? MOVE_PREFIX_BYTES : 0), 6)
}

/** Where the content begins in the record at `at`, which must carry a message. */
export function contentStart(bytes: Buffer, at: number): number {
  const type = typeAt(bytes, at)
  const payload = at + RECORD_HEADER_BYTES + (type === RECORD.move ? MOVE_PREFIX_BYTES : 0)
  return payload + 8 + bytes.readUInt16LE(payload + 6) * (type === RECORD.copy ? 6 : 4)
}

export function contentEnd(bytes: Buffer, at: number): number {
  return at + RECORD_HEADER_BYTES + payloadLengthAt(bytes, at)
}

/** The message in the record at `at`, copied out, so that it does not keep the buffer alive. */
export function readMessage(bytes: Buffer, at: number): StoredMessage {
  const from = contentStart(bytes, at)
  const exchange = from + CONTENT_HEADER_BYTES
  const routingKey = exchange + bytes.readUInt16LE(from)
  const properties = routingKey + bytes.readUInt16LE(from + 2)
  const propertiesLength = bytes.readUInt32LE(from + 4)
  const end = contentEnd(bytes, at)
  const copy = Buffer.allocUnsafe(end - properties)
  bytes.copy(copy, 0, properties, end)
  return {
    exchange: EXCHANGE.text(bytes, exchange, routingKey),
    routingKey: ROUTING_KEY.text(bytes, routingKey, properties),
    properties: copy.subarray(0, propertiesLength),
    body: copy.subarray(propertiesLength),
  }
}

/** A text that probably is the one before again. */
class RepeatedText {
  #octets = Buffer.alloc(0)
  #text = ''

  text(bytes: Buffer, start: number, end: number): string {
    if (!this.#isSame(bytes, start, end)) {
      this.#octets = Buffer.from(bytes.subarray(start, end))
      this.#text = bytes.toString('utf8', start, end)
    }
    return this.#text
  }

  #isSame(bytes: Buffer, start: number, end: number): boolean {
    const octets = this.#octets
    if (octets.length !== end - start) return false
    for (let at = octets.length - 1; at >= 0; at--) if (octets[at] !== bytes[start + at]) return false
    return true
  }
}

const EXCHANGE = new RepeatedText()
const ROUTING_KEY = new RepeatedText()

export interface Holding {
  readonly queue: number
  readonly deliveries: number
}

export function copyBytes(holdings: number, contentLength: number): number {
  return 8 + holdings * 6 + contentLength
}

/** Writes a message again, with the content as it was. */
export function writeCopy(
  bytes: Buffer,
  start: number,
  sequence: number,
  holdings: readonly Holding[],
  content: Buffer,
): void {
  let at = bytes.writeUInt16LE(holdings.length, bytes.writeUIntLE(sequence, start, 6))
  for (const { queue, deliveries } of holdings) at = bytes.writeUInt16LE(deliveries, bytes.writeUInt32LE(queue, at))
  content.copy(bytes, at)
}
