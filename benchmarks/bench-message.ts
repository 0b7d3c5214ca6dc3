// The message that every comparison sends: a CloudEvent with a trace, as the bus composes it.
import type { WireMessage } from 'waybill/transport'
import { NO_HEADERS } from '../packages/waybill/src/message/wire-message.ts'
import type { MessageKind } from '../packages/waybill/src/message/kind.ts'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'

export const SOURCE = '/bench'
export const TYPE = 'orders.placed'
export const CONTENT_TYPE = 'application/json'
export const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

const runtime = systemRuntime()

export function messageOf(body: Uint8Array, kind: MessageKind, replyTo: string | undefined): WireMessage {
  const id = runtime.newId()
  return {
    id,
    source: SOURCE,
    type: TYPE,
    kind,
    wireVersion: 1,
    time: runtime.now(),
    schemaVersion: 1,
    contentType: CONTENT_TYPE,
    replyTo,
    correlationId: id,
    causationId: undefined,
    expiresAt: undefined,
    key: undefined,
    sequence: undefined,
    traceparent: TRACEPARENT,
    tracestate: undefined,
    attempt: 1,
    headers: NO_HEADERS,
    body,
  }
}

/** What a user of the engine's own client writes for the same message, where headers are text with a prefix. */
export function attributesOf(prefix: string, id: string, kind: MessageKind): readonly (readonly [string, string])[] {
  return [
    [`${prefix}specversion`, '1.0'],
    [`${prefix}id`, id],
    [`${prefix}source`, SOURCE],
    [`${prefix}type`, TYPE],
    [`${prefix}time`, new Date().toISOString()],
    [`${prefix}waybillkind`, kind],
    [`${prefix}waybillwireversion`, '1'],
    [`${prefix}correlationid`, id],
    [`${prefix}traceparent`, TRACEPARENT],
    ['content-type', CONTENT_TYPE],
  ]
}
