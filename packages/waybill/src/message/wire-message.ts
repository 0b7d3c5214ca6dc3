import type { MessageKind } from './kind.ts'

/** The version of the header set below. A consumer that meets a newer one does not guess. */
export const WIRE_VERSION = 1

/** `wireVersion` of a message that no Waybill sent: an ordinary client's. */
export const FOREIGN_WIRE_VERSION = 0

/**
 * A message as it crosses the seam: named headers and bytes. The names follow CloudEvents 1.0 and its extensions
 * (`message/cloudevents.ts` has the table). An absent header is `undefined`, and every object has every field, so that
 * engines see one shape.
 */
export interface WireMessage {
  /** Unique; time-ordered when Waybill made it; `''` when an ordinary client gave none. */
  readonly id: string
  /** Who sent it: a URI reference, for instance `/checkout`. CloudEvents `source`. */
  readonly source: string
  /** What it is: `orders.placed`. CloudEvents `type`. */
  readonly type: string
  readonly kind: MessageKind
  readonly wireVersion: number
  /** When it was made: milliseconds since the epoch. CloudEvents `time`. */
  readonly time: number
  /** The version of the body's schema, from 1. */
  readonly schemaVersion: number
  /** Media type of the body (RFC 2046). CloudEvents `datacontenttype`. */
  readonly contentType: string
  /** Return address: where a reply goes. */
  readonly replyTo: string | undefined
  /** The id shared by everything that one first message caused. */
  readonly correlationId: string | undefined
  /** The id of the message whose handling sent this one; of the request, on a reply. */
  readonly causationId: string | undefined
  /** The instant after which nobody wants it: milliseconds since the epoch. CloudEvents extension `expirytime`. */
  readonly expiresAt: number | undefined
  /** The shard key: messages of one key keep their order on an ordered channel. CloudEvents extension `partitionkey`. */
  readonly key: string | undefined
  /** Its place in the sender's sequence for the key. CloudEvents extension `sequence`. */
  readonly sequence: number | undefined
  /** W3C Trace Context. CloudEvents extension `traceparent`. */
  readonly traceparent: string | undefined
  readonly tracestate: string | undefined
  /** How often handling was tried, this time included: from 1. Travels with the message; a restart does not reset it. */
  readonly attempt: number
  /** The user's own headers, and an ordinary client's. Names that begin with `waybill-` are Waybill's own. */
  readonly headers: Headers
  readonly body: Uint8Array
}

export type Headers = Readonly<Record<string, string>>

/** Names that begin so belong to Waybill; a user's header may not. */
export const RESERVED_HEADER_PREFIX = 'waybill-'

export const NO_HEADERS: Headers = Object.freeze({})
