import type { Runtime } from '../runtime/runtime.ts'
import { causedBy, firstCause, type Cause } from './cause.ts'
import type { MessageKind } from './kind.ts'
import { NO_HEADERS, WIRE_VERSION, type Headers, type WireMessage } from './wire-message.ts'

export interface MessageFields {
  readonly source: string
  readonly type: string
  readonly kind: MessageKind
  readonly contentType: string
  readonly body: Uint8Array
  /** Default a new one. */
  readonly id?: string | undefined
  /** Default: nothing caused it. */
  readonly cause?: Cause | undefined
  /** Default 1. */
  readonly schemaVersion?: number | undefined
  readonly replyTo?: string | undefined
  readonly expiresAt?: number | undefined
  readonly key?: string | undefined
  readonly sequence?: number | undefined
  /** Default none. Not checked here. */
  readonly headers?: Headers | undefined
}

/** A complete message, made now: every field present and in one order, so that engines see one shape. */
export function wireMessage(fields: MessageFields, runtime: Pick<Runtime, 'now' | 'newId' | 'random'>): WireMessage {
  const id = fields.id ?? runtime.newId()
  const cause = fields.cause ?? firstCause(id, runtime)
  return {
    id,
    source: fields.source,
    type: fields.type,
    kind: fields.kind,
    wireVersion: WIRE_VERSION,
    time: runtime.now(),
    schemaVersion: fields.schemaVersion ?? 1,
    contentType: fields.contentType,
    replyTo: fields.replyTo,
    correlationId: cause.correlationId,
    causationId: cause.causationId,
    expiresAt: fields.expiresAt,
    key: fields.key,
    sequence: fields.sequence,
    traceparent: cause.traceparent,
    tracestate: cause.tracestate,
    attempt: 1,
    headers: fields.headers ?? NO_HEADERS,
    body: fields.body,
  }
}

/** The CloudEvents type of the reply to a request of type `type`: `orders.quote` is answered by `orders.quote.reply`. */
export function replyType(type: string): string {
  return `${type}.reply`
}

/** What a reply carries: a body of the contract's reply schema, or a problem detail. */
export interface ReplyContent {
  readonly body: Uint8Array
  readonly contentType: string
  readonly headers: Headers
}

/** The reply of `source` to `request`: caused by it, and unwanted when the request is. */
export function replyTo(
  request: WireMessage,
  content: ReplyContent,
  source: string,
  runtime: Pick<Runtime, 'now' | 'newId' | 'random'>,
): WireMessage {
  return wireMessage(
    {
      source,
      type: replyType(request.type),
      kind: 'reply',
      contentType: content.contentType,
      body: content.body,
      cause: causedBy(request, runtime),
      expiresAt: request.expiresAt,
      headers: content.headers,
    },
    runtime,
  )
}
