// A message in a retry lane is the message itself with two headers more, which it loses when it is handed out:
//   waybill-lane-sequence   its place among the messages of its key, decimal text
//   waybill-lane-due        not to be handed out before, milliseconds since the epoch, decimal text
// The marker of a take-over has one header and nothing else:
//   waybill-lane-marker     who takes over
import type { WireMessage } from '../../../message/wire-message.ts'
import type { RecordContent } from '../record-mapping.ts'

const SEQUENCE = 'waybill-lane-sequence'
const DUE = 'waybill-lane-due'
const MARKER = 'waybill-lane-marker'

export interface LaneMessage {
  /** As it is handed out. */
  readonly message: WireMessage
  readonly sequence: number
  readonly due: number
}

export function toLane(message: WireMessage, sequence: number, due: number, attempt: number): WireMessage {
  const headers = { ...message.headers, [SEQUENCE]: String(sequence), [DUE]: String(Math.ceil(due)) }
  return { ...message, attempt, headers }
}

/** A message that somebody else put into the lane comes first, and at once. */
export function fromLane(message: WireMessage): LaneMessage {
  const { [SEQUENCE]: sequence, [DUE]: due, ...headers } = message.headers
  return { message: { ...message, headers }, sequence: numberOf(sequence), due: numberOf(due) }
}

export function markerRecord(owner: string): RecordContent {
  return { value: Buffer.alloc(0), headers: new Map([[Buffer.from(MARKER), Buffer.from(owner)]]) }
}

export function isMarker({ headers }: WireMessage): boolean {
  return headers[MARKER] !== undefined
}

function numberOf(text: string | undefined): number {
  const n = Number(text ?? 0)
  return Number.isSafeInteger(n) ? n : 0
}
