// A message in a retry lane is the message itself with two headers more, or three:
//   waybill-lane-sequence   its place among the messages of its key, decimal text
//   waybill-lane-due        not to be handed out before, milliseconds since the epoch, decimal text
//   waybill-lane-again      of what came back from the dead letters: its sequence there, decimal text
// One that came back from the dead letters, and is not in the lane yet, has one:
//   waybill-lane-after      the sequence of the last message that its shard had then, decimal text
// A marker (see take-over.ts) has one header and no body:
//   waybill-lane-marker     the fencing token of who put it there
import type { MsgHdrs } from '@nats-io/transport-node'
import { WIRE_VERSION, type WireMessage } from '../../../message/wire-message.ts'

const SEQUENCE = 'waybill-lane-sequence'
const DUE = 'waybill-lane-due'
const AGAIN = 'waybill-lane-again'
const AFTER = 'waybill-lane-after'
const MARKER = 'waybill-lane-marker'

export interface LaneEntry {
  readonly sequence: number
  readonly due: number
  readonly again: number | undefined
}

export function laneHeaders({ sequence, due, again }: LaneEntry): Readonly<Record<string, string>> {
  const headers = { [SEQUENCE]: String(sequence), [DUE]: String(Math.ceil(due)) }
  return again === undefined ? headers : { ...headers, [AGAIN]: String(again) }
}

/** A message that somebody else put into the lane comes first, and at once. */
export function laneEntry(headers: MsgHdrs | undefined): LaneEntry {
  const again = numberOf(headers?.get(AGAIN))
  return {
    sequence: numberOf(headers?.get(SEQUENCE)),
    due: numberOf(headers?.get(DUE)),
    again: again === 0 ? undefined : again,
  }
}

export function againHeaders(after: number): Readonly<Record<string, string>> {
  return { [AFTER]: String(after) }
}

/** Behind which it comes; 0 of what somebody else put there. */
export function afterIn(headers: MsgHdrs | undefined): number {
  return numberOf(headers?.get(AFTER))
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
