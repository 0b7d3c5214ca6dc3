// What a broker must know of each publish, read where it lies, without decoding the rest:
//
//   publish    = class-id method-id reserved:short-uint exchange:short-string routing-key:short-string
//                mandatory:bit immediate:bit
//   header     = class-id weight:short-uint body-size:uint64 properties
//   properties = see properties.ts
import { WaybillError } from '../../message/errors.ts'
import { strictText } from './byte-reader.ts'
import { requireTable } from './table-check.ts'

/** Where a publish goes. One object serves all publishes of a channel in a row that go to the same place. */
export interface PublishAddress {
  readonly exchange: string
  readonly routingKey: string
  readonly mandatory: boolean
  readonly immediate: boolean
}

/** @param start of the arguments, behind the method's number */
export function readPublish(bytes: Buffer, start: number, end: number): PublishAddress {
  const exchangeAt = start + 3
  const exchangeEnd = exchangeAt + octet(bytes, start + 2, end)
  const keyAt = exchangeEnd + 1
  const keyEnd = keyAt + octet(bytes, exchangeEnd, end)
  const bits = octet(bytes, keyEnd, end)
  return {
    exchange: strictText(bytes, exchangeAt, exchangeEnd),
    routingKey: strictText(bytes, keyAt, keyEnd),
    mandatory: (bits & 1) !== 0,
    immediate: (bits & 2) !== 0,
  }
}

/** What routing and storing ask of the properties of one message. */
export interface PropertyScan {
  readonly persistent: boolean
  /** Milliseconds as decimal text, unchecked. */
  readonly expiration: string | undefined
  readonly replyTo: string | undefined
  readonly userId: string | undefined
}

/** @throws {WaybillError} `WAYBILL_MALFORMED`, also for headers that could not be read later */
export function scanProperties(bytes: Buffer): PropertyScan {
  const end = bytes.length
  const flags = (octet(bytes, 0, end) << 8) | octet(bytes, 1, end)
  if ((flags & 1) !== 0) throw malformed('basic properties announce a second word of flags')
  let at = 2
  let persistent = false
  let expiration: string | undefined
  let replyTo: string | undefined
  let userId: string | undefined
  if (flags & (1 << 15)) at = afterShort(bytes, at, end)
  if (flags & (1 << 14)) at = afterShort(bytes, at, end)
  if (flags & (1 << 13)) {
    if (at + 4 > end) throw malformed('basic properties end within their headers')
    const headersEnd = at + 4 + bytes.readUInt32BE(at)
    requireTable(bytes, at + 4, Math.min(headersEnd, end))
    at = headersEnd
  }
  if (flags & (1 << 12)) persistent = octet(bytes, at++, end) === 2
  if (flags & (1 << 11)) at++
  if (flags & (1 << 10)) at = afterShort(bytes, at, end)
  if (flags & (1 << 9)) {
    const next = afterShort(bytes, at, end)
    replyTo = bytes.toString('utf8', at + 1, next)
    at = next
  }
  if (flags & (1 << 8)) {
    const next = afterShort(bytes, at, end)
    expiration = bytes.toString('utf8', at + 1, next)
    at = next
  }
  if (flags & (1 << 7)) at = afterShort(bytes, at, end)
  if (flags & (1 << 6)) at += 8
  if (flags & (1 << 5)) at = afterShort(bytes, at, end)
  if (flags & (1 << 4)) {
    const next = afterShort(bytes, at, end)
    userId = bytes.toString('utf8', at + 1, next)
    at = next
  }
  if (flags & (1 << 3)) at = afterShort(bytes, at, end)
  if (flags & (1 << 2)) at = afterShort(bytes, at, end)
  if (at !== end) throw malformed(`basic properties of ${end} octets, of which the flags announce ${at}`)
  return { persistent, expiration, replyTo, userId }
}

function afterShort(bytes: Buffer, at: number, end: number): number {
  return at + 1 + octet(bytes, at, end)
}

function octet(bytes: Buffer, at: number, end: number): number {
  if (at >= end) throw malformed('a publish ends within one of its fields')
  return bytes[at] as number // at is below end
}

function malformed(what: string): WaybillError {
  return new WaybillError('WAYBILL_MALFORMED', what)
}
