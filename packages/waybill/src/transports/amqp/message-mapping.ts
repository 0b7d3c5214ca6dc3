// How a message looks on AMQP 0-9-1: standard properties, and headers. Both engines use it, so what one writes the other
// reads, and any language's client does too.
//
//   property        content                        header                     content
//   content-type    contentType                    cloudEvents:specversion    "1.0"
//   message-id      id                             cloudEvents:id             id
//   type            type                           cloudEvents:source         source
//   app-id          source                         cloudEvents:type           type
//   timestamp       time, whole seconds            cloudEvents:time           time, RFC 3339 with milliseconds
//   correlation-id  correlationId                  cloudEvents:expirytime     expiresAt, RFC 3339
//   reply-to        replyTo                        cloudEvents:partitionkey   key
//   expiration      ttlMs, decimal text            cloudEvents:sequence       sequence, decimal text
//   delivery-mode   2 persistent, 1 transient      cloudEvents:traceparent    traceparent; tracestate alike
//                                                  waybill-kind               kind
//                                                  waybill-wire-version       wireVersion, decimal text
//                                                  waybill-causation-id       causationId
//                                                  waybill-attempt            attempt; absent: 1
//                                                  waybill-schema-version     schemaVersion; absent: 1
//                                                  any other name             the user's header, as it is
//
// The headers are those of the CloudEvents AMQP binding 1.0.2, section 3.1 (written for AMQP 1.0, whose
// application-properties RabbitMQ maps to and from headers). id, source and type stand there twice: a CloudEvents reader
// looks at the headers alone, and refuses an event without them; ordinary clients and management pages look at the
// properties. Everything else is written once, and a default not at all. `dataschema` is not written: it is a URI that a
// reader may fetch, and there is nothing to fetch.
import { FOREIGN_WIRE_VERSION, NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { MESSAGE_KINDS, type MessageKind } from '../../message/kind.ts'
import { headerText } from './header-text.ts'
import { formatTime, parseTime } from '../../message/rfc3339.ts'

/** Properties to publish with, named as amqplib and AMQP's own tables name them. `undefined`: not on the wire. */
export interface AmqpProperties {
  readonly contentType: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly deliveryMode: 1 | 2
  readonly correlationId: string | undefined
  readonly replyTo: string | undefined
  /** Milliseconds, as decimal text. */
  readonly expiration: string | undefined
  readonly messageId: string | undefined
  /** Seconds since the epoch. */
  readonly timestamp: number | undefined
  readonly type: string | undefined
  readonly appId: string | undefined
}

/** Properties as any client may have written them. */
export interface ReceivedProperties {
  readonly contentType?: unknown
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  readonly correlationId?: unknown
  readonly replyTo?: unknown
  readonly messageId?: unknown
  readonly timestamp?: unknown
  readonly type?: unknown
  readonly appId?: unknown
}

export function toProperties(message: WireMessage, persistent: boolean, ttlMs: number | undefined): AmqpProperties {
  const headers: Record<string, string> = {
    'cloudEvents:specversion': '1.0',
    'cloudEvents:id': message.id,
    'cloudEvents:source': message.source,
    'cloudEvents:type': message.type,
    'cloudEvents:time': formatTime(message.time),
    'waybill-kind': message.kind,
    'waybill-wire-version': decimal(message.wireVersion),
  }
  if (message.key !== undefined) headers['cloudEvents:partitionkey'] = message.key
  if (message.sequence !== undefined) headers['cloudEvents:sequence'] = decimal(message.sequence)
  if (message.causationId !== undefined) headers['waybill-causation-id'] = message.causationId
  if (message.traceparent !== undefined) headers['cloudEvents:traceparent'] = message.traceparent
  if (message.tracestate !== undefined) headers['cloudEvents:tracestate'] = message.tracestate
  if (message.expiresAt !== undefined) headers['cloudEvents:expirytime'] = formatTime(message.expiresAt)
  if (message.attempt !== 1) headers['waybill-attempt'] = decimal(message.attempt)
  if (message.schemaVersion !== 1) headers['waybill-schema-version'] = decimal(message.schemaVersion)
  if (message.headers !== NO_HEADERS)
    for (const name in message.headers) headers[name] = message.headers[name] as string // own keys
  return {
    contentType: message.contentType === '' ? undefined : message.contentType,
    headers,
    deliveryMode: persistent ? 2 : 1,
    correlationId: message.correlationId,
    replyTo: message.replyTo,
    expiration: ttlMs === undefined ? undefined : decimal(Math.max(0, Math.ceil(ttlMs))),
    messageId: message.id === '' ? undefined : message.id,
    timestamp: Math.floor(message.time / 1_000),
    type: message.type === '' ? undefined : message.type,
    appId: message.source === '' ? undefined : message.source,
  }
}

/**
 * Reads any client's message. One without `waybill-wire-version` is foreign: wire version 0, kind `document`; what it
 * says of itself in the standard properties or as a CloudEvent is taken. Header values that are not text become text.
 */
export function fromProperties(properties: ReceivedProperties, body: Uint8Array): WireMessage {
  let id = '', source = '', type = '', time = NaN // prettier-ignore
  let kind: MessageKind = 'document'
  let wireVersion = FOREIGN_WIRE_VERSION, schemaVersion = 1, attempt = 1 // prettier-ignore
  let causationId: string | undefined, expiresAt: number | undefined, key: string | undefined
  let sequence: number | undefined, traceparent: string | undefined, tracestate: string | undefined
  let others: Record<string, string> | undefined

  const headers = properties.headers
  if (headers !== undefined)
    for (const name in headers) {
      const raw = headers[name]
      if (raw === undefined) continue
      const value = typeof raw === 'string' ? raw : headerText(raw)
      switch (name) {
        case 'cloudEvents:specversion': break
        case 'cloudEvents:id': id = value; break
        case 'cloudEvents:source': source = value; break
        case 'cloudEvents:type': type = value; break
        case 'cloudEvents:time': time = parseTime(value); break
        case 'waybill-kind': if (isKind(value)) kind = value; break
        case 'waybill-wire-version': wireVersion = count(value, FOREIGN_WIRE_VERSION); break
        case 'cloudEvents:partitionkey': key = value; break
        case 'cloudEvents:sequence': sequence = integer(value); break
        case 'waybill-causation-id': causationId = value; break
        case 'cloudEvents:traceparent': traceparent = value; break
        case 'cloudEvents:tracestate': tracestate = value; break
        case 'cloudEvents:expirytime': expiresAt = orUndefined(parseTime(value)); break
        case 'waybill-attempt': attempt = count(value, 1); break
        case 'waybill-schema-version': schemaVersion = count(value, 1); break
        // The broker writes these about one stay in one queue; they would be wrong, or refused, on a message sent on.
        case 'x-delivery-count': case 'x-acquired-count': case 'x-death': case 'x-delay': case 'CC': break
        case 'x-first-death-queue': case 'x-first-death-exchange': case 'x-first-death-reason': break
        case 'x-last-death-queue': case 'x-last-death-exchange': case 'x-last-death-reason': break
        default: (others ??= {})[name] = value
      } // prettier-ignore
    }
  if (Number.isNaN(time)) time = typeof properties.timestamp === 'number' ? properties.timestamp * 1_000 : 0
  return {
    id: id !== '' ? id : (text(properties.messageId) ?? ''),
    source: source !== '' ? source : (text(properties.appId) ?? ''),
    type: type !== '' ? type : (text(properties.type) ?? ''),
    kind,
    wireVersion,
    time,
    schemaVersion,
    contentType: text(properties.contentType) ?? '',
    replyTo: text(properties.replyTo),
    correlationId: text(properties.correlationId),
    causationId,
    expiresAt,
    key,
    sequence,
    traceparent,
    tracestate,
    attempt,
    headers: others ?? NO_HEADERS,
    body,
  }
}

// Small numbers are what there is, nearly always; their text is made once.
const DECIMALS: readonly string[] = Array.from({ length: 1_024 }, (_, n) => String(n))

function decimal(n: number): string {
  return DECIMALS[n] ?? String(n)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : value === undefined || value === null ? undefined : headerText(value)
}

function isKind(value: string): value is MessageKind {
  return (MESSAGE_KINDS as readonly string[]).includes(value)
}

function integer(value: string): number | undefined {
  const n = Number(value)
  return Number.isSafeInteger(n) ? n : undefined
}

/** A count from 1; `otherwise` where somebody wrote something else. */
function count(value: string, otherwise: number): number {
  const n = Number(value)
  return Number.isSafeInteger(n) && n >= 1 ? n : otherwise
}

function orUndefined(n: number): number | undefined {
  return Number.isNaN(n) ? undefined : n
}
