// What hostile clients do, as a file: one after the other
//
//   step  = what:octet client:octet number:uint32 [ octets ]      `number` counts the octets of `say`, else see below
//
// in the corpus deflated and in base64, a conversation to a line.
import { deflateRawSync, inflateRawSync } from 'node:zlib'

export type Step =
  /** A client writes octets, which arrive as one chunk. */
  | { readonly what: 'say'; readonly client: number; readonly octets: Buffer }
  /** Everything happens that needs no time. */
  | { readonly what: 'turn' }
  | { readonly what: 'wait'; readonly ms: number }
  /** The connection breaks. */
  | { readonly what: 'break'; readonly client: number }
  /** The client ends its half. */
  | { readonly what: 'end'; readonly client: number }
  /** The client no longer reads, or reads again. */
  | { readonly what: 'deafen'; readonly client: number; readonly isDeaf: boolean }
  /** The broker's disk takes its time, or has caught up. */
  | { readonly what: 'stall'; readonly isStalled: boolean }
  /** The disk fails. */
  | { readonly what: 'fail' }

export type Conversation = readonly Step[]

const KINDS = ['say', 'turn', 'wait', 'break', 'end', 'deafen', 'stall', 'fail'] as const
const STEP_OCTETS = 6
/** Clients of one conversation. */
export const CLIENTS = 3
/** Larger ones are no use, and not taken from a file. */
const MOST_OCTETS = 4 * 1024 * 1024

export function encodeConversation(conversation: Conversation): Buffer {
  const parts: Buffer[] = []
  for (const step of conversation) {
    const head = Buffer.alloc(STEP_OCTETS)
    head.writeUInt8(KINDS.indexOf(step.what))
    head.writeUInt8('client' in step ? step.client : 0, 1)
    head.writeUInt32BE(numberOf(step), 2)
    parts.push(head)
    if (step.what === 'say') parts.push(step.octets)
  }
  return Buffer.concat(parts)
}

/** What is left of a step at the end is dropped, and so is what is no step. */
export function decodeConversation(bytes: Buffer): Conversation {
  const steps: Step[] = []
  for (let at = 0; at + STEP_OCTETS <= bytes.length;) {
    const what = KINDS[bytes.readUInt8(at)]
    const client = bytes.readUInt8(at + 1) % CLIENTS
    const number = bytes.readUInt32BE(at + 2)
    at += STEP_OCTETS
    if (what === 'say') {
      steps.push({ what, client, octets: bytes.subarray(at, at + number) })
      at += number
    } else if (what === 'turn' || what === 'fail') steps.push({ what })
    else if (what === 'wait') steps.push({ what, ms: number })
    else if (what === 'break' || what === 'end') steps.push({ what, client })
    else if (what === 'deafen') steps.push({ what, client, isDeaf: number !== 0 })
    else if (what === 'stall') steps.push({ what, isStalled: number !== 0 })
  }
  return steps
}

/** One line. */
export function packConversation(conversation: Conversation): string {
  return deflateRawSync(encodeConversation(conversation), { level: 9 }).toString('base64')
}

export function unpackConversation(line: string): Conversation {
  return decodeConversation(inflateRawSync(Buffer.from(line, 'base64'), { maxOutputLength: MOST_OCTETS }))
}

function numberOf(step: Step): number {
  if (step.what === 'say') return step.octets.length
  if (step.what === 'wait') return step.ms
  if (step.what === 'deafen') return step.isDeaf ? 1 : 0
  return step.what === 'stall' && step.isStalled ? 1 : 0
}
