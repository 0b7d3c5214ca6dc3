// A message in a retry lane is the message itself with two headers more, which it loses when it is handed out:
//   waybill-lane-sequence   its place among the messages of its key, decimal text
//   waybill-lane-due        not to be handed out before, milliseconds since the epoch, decimal text
// A marker (see take-over.ts) has one header and no body:
//   waybill-lane-marker     <take-over id>/<round>
// A token is a marker with one header more:
//   waybill-lane-token      the fencing token, decimal text; the largest in the lane is that of the present or last owner
import type { LaneToken } from '../../../transport/ordered/take-over.ts'
import { WIRE_VERSION, type WireMessage } from '../../../message/wire-message.ts'

const SEQUENCE = 'waybill-lane-sequence'
const DUE = 'waybill-lane-due'
const MARKER = 'waybill-lane-marker'
const TOKEN = 'waybill-lane-token'

export interface LaneMessage {
  /** As it is handed out. */
  readonly message: WireMessage
  readonly sequence: number
  readonly due: number
}

export function toLane(message: WireMessage, sequence: number, due: number, attempt: number): WireMessage {
  return { ...message, attempt, headers: { ...message.headers, [SEQUENCE]: String(sequence), [DUE]: String(due) } }
}

/** A message that somebody else put into the lane comes first, and at once. */
export function fromLane(message: WireMessage): LaneMessage {
  const { [SEQUENCE]: sequence, [DUE]: due, ...headers } = message.headers
  return { message: { ...message, headers }, sequence: numberOf(sequence), due: numberOf(due) }
}

export function markerMessage(marker: string, now: number): WireMessage {
  return controlMessage('waybill.lane.marker', { [MARKER]: marker }, now)
}

export function tokenMessage({ marker, value }: LaneToken, now: number): WireMessage {
  return controlMessage('waybill.lane.token', { [MARKER]: marker, [TOKEN]: String(value) }, now)
}

export function tokenIn(message: WireMessage): LaneToken | undefined {
  const { [MARKER]: marker, [TOKEN]: value } = message.headers
  return marker === undefined || value === undefined ? undefined : { marker, value: numberOf(value) }
}

export function markerIn(message: WireMessage): string | undefined {
  return message.headers[MARKER]
}

/** A message of the members among themselves: no application sees it. */
export function controlMessage(type: string, headers: Readonly<Record<string, string>>, now: number): WireMessage {
  return {
    id: '', source: '', type, kind: 'document', wireVersion: WIRE_VERSION, time: now, schemaVersion: 1,
    contentType: '', replyTo: undefined, correlationId: undefined, causationId: undefined, expiresAt: undefined,
    key: undefined, sequence: undefined, traceparent: undefined, tracestate: undefined, attempt: 1, headers,
    body: NO_BODY,
  } // prettier-ignore
}

const NO_BODY = new Uint8Array(0)

function numberOf(text: string | undefined): number {
  const n = Number(text ?? 0)
  return Number.isSafeInteger(n) ? n : 0
}
