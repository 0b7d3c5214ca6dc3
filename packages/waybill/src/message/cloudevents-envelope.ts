// Structured content mode, for engines without headers (Redis Pub/Sub, MQTT 3.1.1): one JSON object holds the attributes
// and the body (CloudEvents JSON format 1.0.2, section 3).
//
//   { "specversion": "1.0", …attributes, "waybillheaders": "{…}", "data": … | "data_base64": "…" }
//
//   body                                                   member
//   empty                                                  none
//   JSON type, and JSON.parse then stringify give it back  data: the value itself
//   text/*, valid UTF-8                                    data: a string
//   anything else                                          data_base64 (RFC 4648 section 4)
//
// So every body comes back byte by byte, and other languages still see ordinary JSON where it is ordinary.
// `waybillheaders` is the user's headers as JSON text: an attribute's name has no upper case, its value no structure.
import { fromAttributes, toAttributes } from './cloudevents.ts'
import { WaybillError } from './errors.ts'
import { NO_HEADERS, type Headers, type WireMessage } from './wire-message.ts'

export const ENVELOPE_CONTENT_TYPE = 'application/cloudevents+json'

export function toEnvelope(message: WireMessage): Uint8Array {
  const envelope: Record<string, unknown> = { ...toAttributes(message) }
  if (Object.keys(message.headers).length > 0) envelope['waybillheaders'] = JSON.stringify(message.headers)
  if (message.body.byteLength > 0) {
    const data = readable(message.body, message.contentType)
    if (data === undefined) envelope['data_base64'] = base64(message.body)
    else envelope['data'] = data.value
  }
  return utf8.encode(JSON.stringify(envelope))
}

/** @throws {WaybillError} `WAYBILL_MALFORMED` when it is not a CloudEvent of version 1 in JSON */
export function fromEnvelope(bytes: Uint8Array): WireMessage {
  const envelope = parseEnvelope(bytes)
  const attributes: Record<string, string> = {}
  for (const [name, value] of Object.entries(envelope)) {
    if (BODY_MEMBERS.has(name)) continue
    // Attributes are text, numbers or booleans; null is absent (section 2.2).
    if (typeof value === 'string') attributes[name] = value
    else if (typeof value === 'number' || typeof value === 'boolean') attributes[name] = String(value)
    else if (value !== null) throw malformed(`its attribute ${JSON.stringify(name.slice(0, 50))} has a structure`)
  }
  return fromAttributes(attributes, headersOf(envelope['waybillheaders']), bodyOf(envelope))
}

const BODY_MEMBERS: ReadonlySet<string> = new Set(['data', 'data_base64', 'waybillheaders'])

/** The body as a JSON value that gives back the same bytes. */
function readable(body: Uint8Array, contentType: string): { readonly value: unknown } | undefined {
  const json = isJson(contentType)
  if (!json && !/^text\//i.test(contentType)) return undefined
  try {
    const text = utf8Text.decode(body)
    if (!json) return { value: text }
    const value: unknown = JSON.parse(text)
    // A lone null would be read as no body at all.
    return value !== null && JSON.stringify(value) === text ? { value } : undefined
  } catch {
    // Not what its content type says: bytes then, which the receiver judges.
    return undefined
  }
}

function bodyOf(envelope: Readonly<Record<string, unknown>>): Uint8Array {
  const { data, data_base64: encoded, datacontenttype } = envelope
  if (encoded !== undefined && encoded !== null) {
    if (typeof encoded !== 'string') throw malformed('its data_base64 is not text')
    return Buffer.from(encoded, 'base64')
  }
  if (data === undefined || data === null) return new Uint8Array(0)
  const asText = typeof data === 'string' && typeof datacontenttype === 'string' && !isJson(datacontenttype)
  return utf8.encode(asText ? data : JSON.stringify(data))
}

function headersOf(text: unknown): Headers {
  if (text === undefined || text === null) return NO_HEADERS
  const headers = typeof text === 'string' ? parse(text) : undefined
  if (!isObject(headers) || !Object.values(headers).every((value) => typeof value === 'string')) {
    throw malformed('its waybillheaders are not JSON text of names and texts')
  }
  return headers as Headers // every value is text
}

function parseEnvelope(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decodeText(bytes)
  const envelope = text === undefined ? undefined : parse(text)
  if (!isObject(envelope)) throw malformed('it is not a JSON object')
  return envelope
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8Text.decode(bytes)
  } catch {
    // Not UTF-8: the caller says that it is no JSON object.
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The native error quotes the text, which is the sender's; the caller says what it is not.
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isJson(contentType: string): boolean {
  return contentType === '' || /^[^;]+[/+]json\s*(?:;|$)/i.test(contentType)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function malformed(why: string): WaybillError {
  return new WaybillError('WAYBILL_MALFORMED', `not a CloudEvent in JSON: ${why}`)
}

const utf8 = new TextEncoder()
// A byte order mark is part of a text body.
const utf8Text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
