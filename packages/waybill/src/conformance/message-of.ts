import type { MessageKind } from '../message/kind.ts'
import { NO_HEADERS, WIRE_VERSION, type WireMessage } from '../message/wire-message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Channel } from '../transport/channel.ts'
import type { Delivery } from '../transport/transport.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A message fit for the channel, with every optional header absent, but for `fields`. */
export function messageFor(
  channel: Channel,
  runtime: Runtime,
  body: string,
  fields: Partial<WireMessage> = {},
): WireMessage {
  return {
    id: runtime.newId(),
    source: '/conformance',
    type: kindOn(channel) === 'event' ? `${channel.name}.happened` : channel.name,
    kind: kindOn(channel),
    wireVersion: WIRE_VERSION,
    time: runtime.now(),
    schemaVersion: 1,
    contentType: 'text/plain',
    replyTo: undefined,
    correlationId: undefined,
    causationId: undefined,
    expiresAt: undefined,
    key: undefined,
    sequence: undefined,
    traceparent: undefined,
    tracestate: undefined,
    attempt: 1,
    headers: NO_HEADERS,
    body: encoder.encode(body),
    ...fields,
  }
}

function kindOn(channel: Channel): MessageKind {
  return channel.kind === 'events' || channel.kind === 'signals' ? 'event' : channel.kind
}

/** The body as text: how clauses tell messages apart. */
export function text(delivery: Delivery | WireMessage): string {
  return decoder.decode('message' in delivery ? delivery.message.body : delivery.body)
}

/** `m1 m2 … m<count>`. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
}
