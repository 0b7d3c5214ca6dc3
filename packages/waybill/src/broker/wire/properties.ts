// Basic properties (AMQP 0-9-1, section 4.2.6.1 and the basic class):
//
//   properties  = flags *value        a value for each flag that is set, in this order
//   flags       = short-uint          bit 15 content-type ... bit 2 cluster-id; bit 1 unused; bit 0: another flags word
//                                     follows, which the basic class never has
//
//   15 content-type      short-string      8 expiration   short-string, milliseconds as decimal text
//   14 content-encoding  short-string      7 message-id   short-string
//   13 headers           field-table       6 timestamp    uint64, seconds since the epoch
//   12 delivery-mode     octet, 1 or 2     5 type         short-string
//   11 priority          octet             4 user-id      short-string
//   10 correlation-id    short-string      3 app-id       short-string
//    9 reply-to          short-string      2 cluster-id   short-string
import { WaybillError } from '../../message/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { EMPTY_TABLE, readTable, writeTable, type FieldTable } from './field-table.ts'

export interface BasicProperties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly headers?: FieldTable | undefined
  /** 1 transient, 2 persistent. */
  readonly deliveryMode?: number | undefined
  readonly priority?: number | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  /** Milliseconds to live, as decimal text. */
  readonly expiration?: string | undefined
  readonly messageId?: string | undefined
  /** Whole seconds since the epoch. */
  readonly timestamp?: number | undefined
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly appId?: string | undefined
  readonly clusterId?: string | undefined
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const FLAG = {
  contentType: 1 << 15,
  contentEncoding: 1 << 14,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  priority: 1 << 11,
  correlationId: 1 << 10,
  replyTo: 1 << 9,
  expiration: 1 << 8,
  messageId: 1 << 7,
  timestamp: 1 << 6,
  type: 1 << 5,
  userId: 1 << 4,
  appId: 1 << 3,
  clusterId: 1 << 2,
} as const

/** Set in a flags word that another one follows. */
const CONTINUATION = 1

const scratch = new ByteWriter()

/** @throws {RangeError} when a short string, or the name of a header, is longer than 255 octets */
export function encodeProperties(properties: BasicProperties): Uint8Array {
  const { contentType, contentEncoding, headers, deliveryMode, priority, correlationId, replyTo } = properties
  const { expiration, messageId, timestamp, type, userId, appId, clusterId } = properties
  const writer = scratch
  writer.reset()
  let flags = 0
  writer.short(0)
  const short = (value: string | undefined, flag: number): void => {
    if (value === undefined) return
    flags |= flag
    writer.shortString(value)
  }
  short(contentType, FLAG.contentType)
  short(contentEncoding, FLAG.contentEncoding)
  if (headers !== undefined) {
    flags |= FLAG.headers
    writeTable(writer, headers)
  }
  if (deliveryMode !== undefined) {
    flags |= FLAG.deliveryMode
    writer.octet(deliveryMode)
  }
  if (priority !== undefined) {
    flags |= FLAG.priority
    writer.octet(priority)
  }
  short(correlationId, FLAG.correlationId)
  short(replyTo, FLAG.replyTo)
  short(expiration, FLAG.expiration)
  short(messageId, FLAG.messageId)
  if (timestamp !== undefined) {
    flags |= FLAG.timestamp
    writer.longLong(BigInt(timestamp))
  }
  short(type, FLAG.type)
  short(userId, FLAG.userId)
  short(appId, FLAG.appId)
  short(clusterId, FLAG.clusterId)
  const bytes = writer.bytes()
  bytes[0] = flags >>> 8
  bytes[1] = flags & 0xff
  return bytes
}

/**
 * Short strings that are not UTF-8 are not as they were when they are encoded again: change properties in place of that
 * (encoded-properties.ts).
 *
 * @throws {WaybillError} `WAYBILL_MALFORMED` when the bytes are not basic properties
 */
export function decodeProperties(bytes: Uint8Array): BasicProperties {
  const reader = new ByteReader(bytes)
  const flags = reader.short()
  if ((flags & CONTINUATION) !== 0) {
    throw new WaybillError('WAYBILL_MALFORMED', 'basic properties announce a second word of flags')
  }
  const properties: Mutable<BasicProperties> = {}
  if (flags & FLAG.contentType) properties.contentType = reader.looseShortString()
  if (flags & FLAG.contentEncoding) properties.contentEncoding = reader.looseShortString()
  if (flags & FLAG.headers) properties.headers = readTable(reader)
  if (flags & FLAG.deliveryMode) properties.deliveryMode = reader.octet()
  if (flags & FLAG.priority) properties.priority = reader.octet()
  if (flags & FLAG.correlationId) properties.correlationId = reader.looseShortString()
  if (flags & FLAG.replyTo) properties.replyTo = reader.looseShortString()
  if (flags & FLAG.expiration) properties.expiration = reader.looseShortString()
  if (flags & FLAG.messageId) properties.messageId = reader.looseShortString()
  if (flags & FLAG.timestamp) properties.timestamp = Number(reader.longLong())
  if (flags & FLAG.type) properties.type = reader.looseShortString()
  if (flags & FLAG.userId) properties.userId = reader.looseShortString()
  if (flags & FLAG.appId) properties.appId = reader.looseShortString()
  if (flags & FLAG.clusterId) properties.clusterId = reader.looseShortString()
  return properties
}

/** The headers in encoded properties; an empty table when there are none. */
export function headersOf(bytes: Uint8Array): FieldTable {
  return decodeProperties(bytes).headers ?? EMPTY_TABLE
}
