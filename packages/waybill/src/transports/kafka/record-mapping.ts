// How a message looks in Kafka: the CloudEvents Kafka binding 1.0.2, binary content mode (section 3.2).
//
//   record     content                          header           content
//   key        key, UTF-8; null: no key         ce_<attribute>   each attribute of message/cloudevents.ts but
//   value      body                                              datacontenttype and partitionkey
//   timestamp  when it was sent                 content-type     contentType
//                                               any other name   the user's header, as it is
//
// Header values are UTF-8 text. A header that stands there twice counts as it stands last.
import { MESSAGE_KINDS, type MessageKind } from '../../message/kind.ts'
import { toAttributes } from '../../message/cloudevents.ts'
import { parseTime } from '../../message/rfc3339.ts'
import { FOREIGN_WIRE_VERSION, NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'

export interface RecordContent {
  /** Absent: none. */
  readonly key?: Buffer
  /** `null`: what the key stands for is gone. */
  readonly value: Buffer | null
  readonly headers: Map<Buffer, Buffer>
}

/** A record as it was fetched. */
export interface ReceivedRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[]
}

const PREFIX = 'ce_'
const CONTENT_TYPE = Buffer.from('content-type')
/** The same few names in every message; bounded, since users' headers come here, too. */
const NAMES = new Map<string, Buffer>()
const MOST_NAMES = 1_000

export function toRecord(message: WireMessage): RecordContent {
  const headers = new Map<Buffer, Buffer>()
  const attributes = toAttributes(message)
  for (const name in attributes) {
    const value = Buffer.from(attributes[name] as string) // own keys
    if (name === 'datacontenttype') headers.set(CONTENT_TYPE, value)
    else if (name !== 'partitionkey') headers.set(nameOf(PREFIX + name), value)
  }
  for (const name in message.headers) headers.set(nameOf(name), Buffer.from(message.headers[name] as string)) // own keys
  return {
    ...(message.key === undefined ? undefined : { key: Buffer.from(message.key) }),
    value: bufferOf(message.body),
    headers,
  }
}

/** What it takes in a batch, nearly. */
export function sizeOf({ key, value, headers }: RecordContent): number {
  let size = 32 + (value?.length ?? 0) + (key?.length ?? 0)
  for (const [name, text] of headers) size += name.length + text.length + 4
  return size
}

/** Reads any client's record. One without `ce_waybillwireversion` is foreign: wire version 0, kind `document`. */
export function fromRecord({ key, value, headers }: ReceivedRecord, timestamp: number): WireMessage {
  let id = '', source = '', type = '', contentType = '', time = NaN // prettier-ignore
  let kind: MessageKind = 'document'
  let wireVersion = FOREIGN_WIRE_VERSION, schemaVersion = 1, attempt = 1 // prettier-ignore
  let replyTo: string | undefined, correlationId: string | undefined, causationId: string | undefined
  let expiresAt: number | undefined, sequence: number | undefined
  let traceparent: string | undefined, tracestate: string | undefined
  let others: Record<string, string> | undefined
  for (const [rawName, rawValue] of headers) {
    if (rawName === null || rawValue === null) continue
    const name = rawName.toString()
    const text = rawValue.toString()
    switch (name) {
      case 'ce_specversion': break
      case 'ce_id': id = text; break
      case 'ce_source': source = text; break
      case 'ce_type': type = text; break
      case 'ce_time': time = parseTime(text); break
      case 'content-type': contentType = text; break
      case 'ce_waybillkind': if (isKind(text)) kind = text; break
      case 'ce_waybillwireversion': wireVersion = count(text, FOREIGN_WIRE_VERSION); break
      case 'ce_waybillreplyto': replyTo = text; break
      case 'ce_waybillschemaversion': schemaVersion = count(text, 1); break
      case 'ce_waybillattempt': attempt = count(text, 1); break
      case 'ce_correlationid': correlationId = text; break
      case 'ce_causationid': causationId = text; break
      case 'ce_expirytime': expiresAt = orUndefined(parseTime(text)); break
      case 'ce_sequence': sequence = integer(text); break
      case 'ce_traceparent': traceparent = text; break
      case 'ce_tracestate': tracestate = text; break
      default: (others ??= {})[name] = text
    } // prettier-ignore
  }
  return {
    id, source, type, kind, wireVersion, time: Number.isNaN(time) ? timestamp : time, schemaVersion, contentType,
    replyTo, correlationId, causationId, expiresAt, key: key === null ? undefined : key.toString(), sequence,
    traceparent, tracestate, attempt, headers: others ?? NO_HEADERS, body: value ?? NO_BODY,
  } // prettier-ignore
}

const NO_BODY = new Uint8Array(0)

function nameOf(name: string): Buffer {
  let buffer = NAMES.get(name)
  if (buffer !== undefined) return buffer
  buffer = Buffer.from(name)
  if (NAMES.size < MOST_NAMES) NAMES.set(name, buffer)
  return buffer
}

function bufferOf(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

function isKind(value: string): value is MessageKind {
  return (MESSAGE_KINDS as readonly string[]).includes(value)
}

function orUndefined(ms: number): number | undefined {
  return Number.isNaN(ms) ? undefined : ms
}

function integer(value: string): number | undefined {
  return /^-?\d{1,15}$/.test(value) ? Number(value) : undefined
}

function count(value: string, otherwise: number): number {
  const n = integer(value)
  return n !== undefined && n >= 1 ? n : otherwise
}
