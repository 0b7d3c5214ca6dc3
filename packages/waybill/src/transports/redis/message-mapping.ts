// How a message looks in a stream: an entry of two fields. `data` is the body, as it is; `ce` is a JSON object of the
// CloudEvents attributes of message/cloudevents.ts, with the user's headers under `headers`. Times are RFC 3339.
//
// Ordinary clients' entries are read as they are: `ce` may be there or not, `data` may be there or not, every other field is a
// header.
import { MESSAGE_KINDS, type MessageKind } from '../../message/kind.ts'
import { formatTime, parseTime } from '../../message/rfc3339.ts'
import { FOREIGN_WIRE_VERSION, NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import type { Reply } from './connection.ts'

export function encodeAttributes(message: WireMessage): string {
  const { headers, expiresAt } = message
  return JSON.stringify({
    specversion: '1.0',
    id: message.id,
    source: message.source,
    type: message.type,
    time: formatTime(message.time),
    waybillkind: message.kind,
    waybillwireversion: message.wireVersion,
    datacontenttype: message.contentType === '' ? undefined : message.contentType,
    partitionkey: message.key,
    correlationid: message.correlationId,
    causationid: message.causationId,
    waybillreplyto: message.replyTo,
    expirytime: expiresAt === undefined ? undefined : formatTime(expiresAt),
    sequence: message.sequence,
    traceparent: message.traceparent,
    tracestate: message.tracestate,
    waybillschemaversion: message.schemaVersion === 1 ? undefined : message.schemaVersion,
    waybillattempt: message.attempt === 1 ? undefined : message.attempt,
    headers: headers === NO_HEADERS ? undefined : headers,
  })
}

export function bodyOf({ body }: WireMessage): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

/** An entry's fields, by name. */
export interface Fields {
  readonly ce: Buffer | undefined
  readonly data: Buffer | undefined
  readonly others: readonly (readonly [name: string, value: string])[]
}

export function fieldsIn(reply: Reply | undefined): Fields {
  const list = (reply ?? []) as readonly Buffer[] // names and values in turn
  let ce: Buffer | undefined, data: Buffer | undefined // prettier-ignore
  const others: [string, string][] = []
  for (let n = 0; n + 1 < list.length; n += 2) {
    const [name, value] = [String(list[n]), list[n + 1] as Buffer] // below length
    if (name === 'ce') ce = value
    else if (name === 'data') data = value
    else others.push([name, value.toString()])
  }
  return { ce, data, others }
}

const KNOWN = new Set([
  'specversion', 'id', 'source', 'type', 'time', 'waybillkind', 'waybillwireversion', 'datacontenttype', 'partitionkey',
  'correlationid', 'causationid', 'waybillreplyto', 'expirytime', 'sequence', 'traceparent', 'tracestate',
  'waybillschemaversion', 'waybillattempt', 'headers',
]) // prettier-ignore

/** Reads any client's entry. One without `waybillwireversion` is foreign: wire version 0, kind `document`. */
export function decodeMessage({ ce, data, others }: Fields): WireMessage {
  const known = attributesIn(ce)
  const ours = known['waybillwireversion'] !== undefined
  const kind = known['waybillkind'] as MessageKind
  const time = parseTime(textOf(known['time']) ?? '')
  const expiresAt = parseTime(textOf(known['expirytime']) ?? '')
  return {
    id: textOf(known['id']) ?? '',
    source: textOf(known['source']) ?? '',
    type: textOf(known['type']) ?? '',
    kind: MESSAGE_KINDS.includes(kind) ? kind : 'document',
    wireVersion: count(known['waybillwireversion'], FOREIGN_WIRE_VERSION),
    time: Number.isNaN(time) ? 0 : time,
    schemaVersion: count(known['waybillschemaversion'], 1),
    contentType: textOf(known['datacontenttype']) ?? '',
    replyTo: textOf(known['waybillreplyto']),
    correlationId: textOf(known['correlationid']),
    causationId: textOf(known['causationid']),
    expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt,
    key: textOf(known['partitionkey']),
    sequence: integer(known['sequence']),
    traceparent: textOf(known['traceparent']),
    tracestate: textOf(known['tracestate']),
    attempt: count(known['waybillattempt'], 1),
    headers: ours && others.length === 0 ? headersIn(known['headers']) : foreignHeaders(known, others),
    body: data ?? NO_BODY,
  }
}

const NO_BODY = new Uint8Array(0)

function attributesIn(ce: Buffer | undefined): Readonly<Record<string, unknown>> {
  if (ce === undefined) return {}
  try {
    const parsed: unknown = JSON.parse(ce.toString())
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
  } catch {
    // Not a CloudEvent, whatever it is.
    return {}
  }
}

function headersIn(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null) return NO_HEADERS
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** Another producer's extensions and fields are headers by their own names. */
function foreignHeaders(
  known: Readonly<Record<string, unknown>>,
  others: Fields['others'],
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { ...headersIn(known['headers']) }
  for (const [name, value] of Object.entries(known)) {
    const text = KNOWN.has(name) ? undefined : textOf(value)
    if (text !== undefined) headers[name] = text
  }
  for (const [name, value] of others) headers[name] = value
  return headers
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function integer(value: unknown): number | undefined {
  const n = typeof value === 'string' && value !== '' ? Number(value) : value
  return Number.isSafeInteger(n) ? (n as number) : undefined
}

/** A count from 1; `otherwise` where somebody wrote something else. */
function count(value: unknown, otherwise: number): number {
  const n = integer(value)
  return n !== undefined && n >= 1 ? n : otherwise
}
