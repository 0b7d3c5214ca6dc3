// A message in a retry lane is the message itself with two headers more:
//   waybill-lane-sequence   its place among the messages of its key, decimal text
//   waybill-lane-due        not to be handed out before, milliseconds since the epoch, decimal text
// A marker (see take-over.ts) has one header and no body:
//   waybill-lane-marker     the fencing token of who put it there
import type { MsgHdrs } from '@nats-io/transport-node'
import { WIRE_VERSION, type WireMessage } from '../../../message/wire-message.ts'

const SEQUENCE = 'waybill-lane-sequence'
const DUE = 'waybill-lane-due'
const MARKER = 'waybill-lane-marker'

export function laneHeaders(sequence: number, due: number): Readonly<Record<string, string>> {
  return { [SEQUENCE]: String(sequence), [DUE]: String(Math.ceil(due)) }
}

/** A message that somebody else put into the lane comes first, and at once. */
export function laneEntry(headers: MsgHdrs | undefined): { readonly sequence: number; readonly due: number } {
  return { sequence: numberOf(headers?.get(SEQUENCE)), due: numberOf(headers?.get(DUE)) }
}

export function markerHeaders(token: number): Readonly<Record<string, string>> {
  return { [MARKER]: String(token) }
}

/** Whose marker it is; `undefined` when it is none. */
export function markerIn(headers: MsgHdrs | undefined): number | undefined {
  const marker = headers?.get(MARKER)
  return marker === undefined || marker === '' ? undefined : numberOf(marker)
}

export function markerMessage(now: number): WireMessage {
  return {
    id: '', source: '', type: 'waybill.lane.marker', kind: 'document', wireVersion: WIRE_VERSION, time: now,
    schemaVersion: 1, contentType: '', replyTo: undefined, correlationId: undefined, causationId: undefined,
    expiresAt: undefined, key: undefined, sequence: undefined, traceparent: undefined, tracestate: undefined,
    attempt: 1, headers: {}, body: NO_BODY,
  } // prettier-ignore
}

const NO_BODY = new Uint8Array(0)

function numberOf(text: string | undefined): number {
  const n = Number(text ?? 0)
  return Number.isSafeInteger(n) ? n : 0
}
