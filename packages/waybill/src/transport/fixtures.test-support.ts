import { NO_HEADERS, type WireMessage } from '../message/wire-message.ts'
import type { Channel, ChannelKind } from './channel.ts'
import type { Group } from './transport.ts'

export function channel(kind: ChannelKind, name: string, shards = 1): Channel {
  return { kind, name, shards }
}

export function group(of: Channel, name: string, more: Partial<Group> = {}): Group {
  return { channel: of, name, ordered: false, ...more }
}

export function message(id: string, more: Partial<WireMessage> = {}): WireMessage {
  return {
    id, source: '/test', type: 'orders.placed', kind: 'event', wireVersion: 1, time: Date.UTC(2026, 0, 1),
    schemaVersion: 1, contentType: 'application/json', replyTo: undefined, correlationId: undefined,
    causationId: undefined, expiresAt: undefined, key: undefined, sequence: undefined, traceparent: undefined,
    tracestate: undefined, attempt: 1, headers: NO_HEADERS, body: new Uint8Array([1, 2, 3]), ...more,
  } // prettier-ignore
}
