// A message as databases keep it: `head` is JSON of everything but the body, with the field names of WireMessage; what is
// absent is left out. The body is a column of bytes of its own.
import { FOREIGN_WIRE_VERSION, NO_HEADERS, type WireMessage } from './wire-message.ts'

/** The columns of a row that are a message. */
export interface StoredMessage {
  readonly head: string
  readonly body: Uint8Array
}

/** JSON leaves out what is `undefined`. */
export function headOf(message: WireMessage): string {
  const headers = message.headers === NO_HEADERS ? undefined : message.headers
  return JSON.stringify({ ...message, headers, body: undefined })
}

/** What somebody else wrote into the table is a foreign message: it is handed out, and found to be malformed there. */
export function messageOf({ head, body }: StoredMessage): WireMessage {
  const fields = fieldsIn(head)
  return {
    id: fields.id ?? '',
    source: fields.source ?? '',
    type: fields.type ?? '',
    kind: fields.kind ?? 'document',
    wireVersion: fields.wireVersion ?? FOREIGN_WIRE_VERSION,
    time: fields.time ?? 0,
    schemaVersion: fields.schemaVersion ?? 1,
    contentType: fields.contentType ?? '',
    replyTo: fields.replyTo,
    correlationId: fields.correlationId,
    causationId: fields.causationId,
    expiresAt: fields.expiresAt,
    key: fields.key,
    sequence: fields.sequence,
    traceparent: fields.traceparent,
    tracestate: fields.tracestate,
    attempt: fields.attempt ?? 1,
    headers: fields.headers ?? NO_HEADERS,
    body,
  }
}

function fieldsIn(head: string): Partial<WireMessage> {
  try {
    const fields: unknown = JSON.parse(head)
    return typeof fields === 'object' && fields !== null ? fields : {}
  } catch {
    // Not JSON, so none of ours.
    return {}
  }
}
