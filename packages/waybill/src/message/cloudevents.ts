// A message as CloudEvents 1.0.2 attributes, for engines that carry named headers (binary content mode).
//
//   attribute              field               written when     from
//   specversion            "1.0"               always           CloudEvents section "Required Attributes"
//   id                     id                  always           "
//   source                 source              always           "
//   type                   type                always           "
//   time                   time, RFC 3339      always           "Optional Attributes"
//   datacontenttype        contentType         not ''           "
//   expirytime             expiresAt, RFC 3339 set              extension Expiry Time
//   partitionkey           key                 set              extension Partitioning
//   sequence               sequence            set              extension Sequence
//   correlationid          correlationId       set              extension Correlation
//   causationid            causationId         set              extension Correlation
//   traceparent            traceparent         set              extension Distributed Tracing
//   tracestate             tracestate          set              extension Distributed Tracing
//   waybillkind            kind                always           ours, as are the following
//   waybillwireversion     wireVersion         always
//   waybillreplyto         replyTo             set
//   waybillschemaversion   schemaVersion       not 1
//   waybillattempt         attempt             not 1
//
// Names have no prefix: the transport adds its binding's (`ce_` in Kafka, `ce-` in HTTP and NATS) and moves
// datacontenttype to the engine's own content type where it has one. Values are text; escaping is the transport's. The
// user's headers are not attributes: their names may have any case, so they go beside them as they are. `dataschema` is
// not written: it is a URI that a reader may fetch, and there is nothing to fetch.
import { WaybillError } from './errors.ts'
import { MESSAGE_KINDS, type MessageKind } from './kind.ts'
import { formatTime, parseTime } from './rfc3339.ts'
import { FOREIGN_WIRE_VERSION, type Headers, type WireMessage } from './wire-message.ts'

export const CLOUDEVENTS_VERSION = '1.0'

export type Attributes = Readonly<Record<string, string>>

export function toAttributes(message: WireMessage): Attributes {
  const attributes: Record<string, string> = {
    specversion: CLOUDEVENTS_VERSION,
    id: message.id,
    source: message.source,
    type: message.type,
    time: formatTime(message.time),
    waybillkind: message.kind,
    waybillwireversion: String(message.wireVersion),
  }
  if (message.contentType !== '') attributes['datacontenttype'] = message.contentType
  if (message.expiresAt !== undefined) attributes['expirytime'] = formatTime(message.expiresAt)
  if (message.key !== undefined) attributes['partitionkey'] = message.key
  if (message.sequence !== undefined) attributes['sequence'] = String(message.sequence)
  if (message.correlationId !== undefined) attributes['correlationid'] = message.correlationId
  if (message.causationId !== undefined) attributes['causationid'] = message.causationId
  if (message.traceparent !== undefined) attributes['traceparent'] = message.traceparent
  if (message.tracestate !== undefined) attributes['tracestate'] = message.tracestate
  if (message.replyTo !== undefined) attributes['waybillreplyto'] = message.replyTo
  if (message.schemaVersion !== 1) attributes['waybillschemaversion'] = String(message.schemaVersion)
  if (message.attempt !== 1) attributes['waybillattempt'] = String(message.attempt)
  return attributes
}

/**
 * The message of any CloudEvents producer. One without `waybillwireversion` is foreign: wire version 0, kind `document`.
 * Attributes that the table does not name become headers by their own name, as those in `headers` are.
 *
 * @throws {WaybillError} `WAYBILL_MALFORMED` when a required attribute is missing or the version is not 1.x
 */
export function fromAttributes(attributes: Attributes, headers: Headers, body: Uint8Array): WireMessage {
  const { specversion } = attributes
  if (specversion === undefined || !/^1\.\d+$/.test(specversion)) {
    throw new WaybillError('WAYBILL_MALFORMED', `not a CloudEvent of version 1: specversion is ${shown(specversion)}`)
  }
  const { waybillkind } = attributes
  return {
    id: required(attributes, 'id'),
    source: required(attributes, 'source'),
    type: required(attributes, 'type'),
    kind: waybillkind !== undefined && isKind(waybillkind) ? waybillkind : 'document',
    wireVersion: count(attributes['waybillwireversion'], FOREIGN_WIRE_VERSION),
    time: instant(attributes['time']) ?? 0,
    schemaVersion: count(attributes['waybillschemaversion'], 1),
    contentType: attributes['datacontenttype'] ?? '',
    replyTo: attributes['waybillreplyto'],
    correlationId: attributes['correlationid'],
    causationId: attributes['causationid'],
    expiresAt: instant(attributes['expirytime']),
    key: attributes['partitionkey'],
    sequence: integer(attributes['sequence']),
    traceparent: attributes['traceparent'],
    tracestate: attributes['tracestate'],
    attempt: count(attributes['waybillattempt'], 1),
    headers: withOthers(attributes, headers),
    body,
  }
}

const KNOWN: ReadonlySet<string> = new Set(
  (
    'specversion id source type time datacontenttype expirytime partitionkey sequence correlationid causationid ' +
    'traceparent tracestate waybillkind waybillwireversion waybillreplyto waybillschemaversion waybillattempt'
  ).split(' '),
)

/** Another producer's extensions must survive being received and sent on. */
function withOthers(attributes: Attributes, headers: Headers): Headers {
  const others = Object.entries(attributes).filter(([name]) => !KNOWN.has(name))
  return others.length === 0 ? headers : { ...Object.fromEntries(others), ...headers }
}

function required(attributes: Attributes, name: string): string {
  const value = attributes[name]
  if (value === undefined || value === '') throw new WaybillError('WAYBILL_MALFORMED', `a CloudEvent without ${name}`)
  return value
}

function isKind(value: string): value is MessageKind {
  return (MESSAGE_KINDS as readonly string[]).includes(value)
}

function instant(value: string | undefined): number | undefined {
  const ms = value === undefined ? NaN : parseTime(value)
  return Number.isNaN(ms) ? undefined : ms
}

function integer(value: string | undefined): number | undefined {
  return value !== undefined && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined
}

/** A count from 1; `otherwise` where somebody wrote something else. */
function count(value: string | undefined, otherwise: number): number {
  const n = integer(value)
  return n !== undefined && n >= 1 ? n : otherwise
}

function shown(value: string | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value.slice(0, 20))
}
