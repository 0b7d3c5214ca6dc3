// A message in a retry lane is the message itself with two headers more, or three, which it loses when it is handed out:
//   waybill-lane-sequence   its place among the messages of its key, decimal text
//   waybill-lane-due        not to be handed out before, milliseconds since the epoch, decimal text
//   waybill-lane-again      of what came back from the dead letters: its offset there, decimal text
// What owners say to those who come after them has one header and nothing else:
//   waybill-lane-marker     who takes over
//   waybill-lane-left       who has let go, with nothing unsettled
//   waybill-lane-counted    where a message lies, and how often it was counted: `main/17/2` (delivery-counts.ts)
import type { WireMessage } from '../../../message/wire-message.ts'
import type { RecordContent } from '../record-mapping.ts'

const SEQUENCE = 'waybill-lane-sequence'
const DUE = 'waybill-lane-due'
const AGAIN = 'waybill-lane-again'
const MARKER = 'waybill-lane-marker'
const LEFT = 'waybill-lane-left'
const COUNTED = 'waybill-lane-counted'

export interface LaneMessage {
  /** As it is handed out. */
  readonly message: WireMessage
  readonly sequence: number
  readonly due: number
  readonly again: bigint | undefined
}

export function toLane({ message, sequence, due, again }: LaneMessage): WireMessage {
  const headers = { ...message.headers, [SEQUENCE]: String(sequence), [DUE]: String(Math.ceil(due)) }
  return { ...message, headers: again === undefined ? headers : { ...headers, [AGAIN]: String(again) } }
}

/** A message that somebody else put into the lane comes first, and at once. */
export function fromLane(message: WireMessage): LaneMessage {
  const { [SEQUENCE]: sequence, [DUE]: due, [AGAIN]: again, ...headers } = message.headers
  return {
    message: { ...message, headers },
    sequence: numberOf(sequence),
    due: numberOf(due),
    again: again === undefined ? undefined : BigInt(numberOf(again)),
  }
}

export type OwnersWord =
  { readonly word: 'marker' | 'left' } | { readonly word: 'counted'; readonly place: string; readonly count: number }

export function markerRecord(owner: string): RecordContent {
  return wordRecord(MARKER, owner)
}

export function leftRecord(owner: string): RecordContent {
  return wordRecord(LEFT, owner)
}

export function countedRecord(place: string, count: number): RecordContent {
  return wordRecord(COUNTED, `${place}/${count}`)
}

/** `undefined`: it is a message. */
export function ownersWord({ headers }: WireMessage): OwnersWord | undefined {
  if (headers[MARKER] !== undefined) return { word: 'marker' }
  if (headers[LEFT] !== undefined) return { word: 'left' }
  const counted = headers[COUNTED]
  if (counted === undefined) return undefined
  const at = counted.lastIndexOf('/')
  return { word: 'counted', place: counted.slice(0, at), count: numberOf(counted.slice(at + 1)) }
}

function wordRecord(name: string, text: string): RecordContent {
  return { value: Buffer.alloc(0), headers: new Map([[Buffer.from(name), Buffer.from(text)]]) }
}

function numberOf(text: string | undefined): number {
  const n = Number(text ?? 0)
  return Number.isSafeInteger(n) ? n : 0
}
