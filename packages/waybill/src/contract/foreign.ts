// Messages of ordinary clients: bare text, JSON without an id, foreign headers, an existing queue or topic.
import { createHash } from 'node:crypto'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import { FOREIGN_WIRE_VERSION, type Headers, type WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { readBody, writeBody } from './body-codec.ts'
import type { AnyContracted, In } from './contracted.ts'
import type { ForeignIdentity, ForeignMapping, ForeignMessage, ForeignOutput } from './foreign-mapping.ts'

export interface ForeignOptions<M extends AnyContracted> {
  /** The queue, topic or address that the ordinary clients use. Taken as it is: never declared, changed or deleted. */
  readonly channel: string
  /** The body in a client's message; the contract's schema validates it. Throws when it cannot be read. Default: as the contract writes it. */
  readonly receive?: (raw: ForeignMessage) => unknown
  /**
   * What the message says of itself: id, key, correlation, time, headers. Default: the client's id and headers.
   *
   * A message without an id gets a new one **each time it is delivered**, so a redelivery cannot be told from a new
   * message. Where that matters, take an id from the body, or `contentId(raw)`.
   */
  readonly identify?: (raw: ForeignMessage) => ForeignIdentity
  /** What to write for a client. Default: as the contract writes it. */
  readonly send?: (body: In<M>, headers: Headers) => ForeignOutput
}

/**
 * `message` as ordinary clients write it on a channel of theirs. It is sent, published and handled like any other.
 *
 * @throws {TypeError} when `channel` is empty
 */
export function foreign<M extends AnyContracted>(message: M, options: ForeignOptions<M>): M {
  const { channel, receive, identify, send } = options
  if (channel === '') throw new TypeError(`the foreign channel of ${message.type} has no name`)
  const mapping: ForeignMapping = {
    receive:
      receive ?? ((raw) => readBody(message.body, raw.body, raw.contentType || message.contentType, message.type)),
    identify: identify ?? (() => ({})),
    send: send ?? asContracted(message),
  }
  return Object.freeze({
    ...message,
    channel: Object.freeze({ kind: message.channel.kind, name: message.type, shards: 1, foreign: channel }),
    foreign: Object.freeze(mapping),
  })
}

function asContracted(message: AnyContracted): ForeignMapping['send'] {
  return (body, headers) => ({
    body: writeBody(message.body, body, message.type),
    contentType: message.contentType,
    headers,
  })
}

/** A mapping for bodies of bare UTF-8 text, for messages whose body is a string: `foreign(line, { channel, ...plainText })`. */
export const plainText: {
  readonly receive: (raw: ForeignMessage) => string
  readonly send: (body: string, headers: Headers) => ForeignOutput
} = Object.freeze({
  receive: (raw: ForeignMessage) => utf8Text.decode(raw.body),
  send: (body: string, headers: Headers) => ({
    body: utf8.encode(body),
    contentType: 'text/plain; charset=utf-8',
    headers,
  }),
})

/**
 * An id made of what the message says: the same on every delivery, and the same for two messages that are equal in body,
 * type and content type. Use it only where equal messages mean the same thing once.
 *
 * A UUID of version 8 (RFC 9562 section 5.8) over SHA-256; not time-ordered.
 */
export function contentId(raw: ForeignMessage): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([raw.type, raw.contentType]))
    .update(raw.body)
    .digest('hex')
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`
}

/** The body in a client's message. @throws {WaybillError} `WAYBILL_MALFORMED` when the mapping cannot read it */
export function readForeign(type: string, mapping: ForeignMapping, wire: WireMessage): unknown {
  try {
    return mapping.receive(rawOf(wire))
  } catch (cause) {
    if (isWaybillError(cause, 'WAYBILL_MALFORMED')) throw cause
    throw new WaybillError('WAYBILL_MALFORMED', `the mapping of ${type} cannot read the message`, { cause })
  }
}

/**
 * A client's message with every header that a Waybill message has, for routing, tracking and answering. Body, content
 * type and wire version stay as they are, so that a retry or a dead letter keeps what the client wrote; `decode` reads
 * the body. A message of Waybill's own on that channel is returned as it is.
 *
 * @throws {WaybillError} `WAYBILL_MALFORMED` when the mapping throws
 */
export function adopt(message: AnyContracted, wire: WireMessage, runtime: Pick<Runtime, 'now' | 'newId'>): WireMessage {
  if (message.foreign === undefined || wire.wireVersion !== FOREIGN_WIRE_VERSION) return wire
  const said = identityOf(message, message.foreign, wire)
  return {
    ...wire,
    id: said.id ?? (wire.id === '' ? runtime.newId() : wire.id),
    source:
      wire.source === '' ? `/${encodeURIComponent(message.channel.foreign ?? message.channel.name)}` : wire.source,
    type: message.type,
    kind: message.kind,
    time: said.time ?? (wire.time === 0 ? runtime.now() : wire.time),
    schemaVersion: message.version,
    correlationId: said.correlationId ?? wire.correlationId,
    key: said.key ?? wire.key,
    headers: said.headers ?? wire.headers,
  }
}

function identityOf(message: AnyContracted, mapping: ForeignMapping, wire: WireMessage): ForeignIdentity {
  try {
    return mapping.identify(rawOf(wire))
  } catch (cause) {
    throw new WaybillError('WAYBILL_MALFORMED', `the mapping of ${message.type} cannot identify the message`, { cause })
  }
}

function rawOf(wire: WireMessage): ForeignMessage {
  const { body, contentType, type, id, headers } = wire
  return { body, contentType, type, id, headers }
}

const utf8 = new TextEncoder()
const utf8Text = new TextDecoder('utf-8', { fatal: true })
