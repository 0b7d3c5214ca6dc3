// What makes a conversation hostile: changes to the order of its steps, to frames, and to single octets.
import {
  CLIENTS,
  type Conversation,
  type Step,
} from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import { ByteWriter } from '../../packages/waybill/src/broker/wire/byte-writer.ts'
import type { Dice } from './dice.ts'
import { clientSteps } from './grammar.ts'

type Mutation = (dice: Dice, steps: Step[], other: Conversation) => void

/** Steps of one conversation. */
const MOST_STEPS = 400
const FRAME_HEADER_OCTETS = 7
const METHOD_FRAME = 1
const ODD_OCTETS = [0, 1, 0x7f, 0x80, 0xc3, 0xce, 0xff]
const ODD_LONGS = [0, 1, 0x7f, 0xff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

/** A copy with a few changes; `other` is where it may take parts from. */
export function mutated(dice: Dice, conversation: Conversation, other: Conversation): Conversation {
  const steps = [...conversation]
  for (let left = 1 + dice.below(6); left > 0; left--) dice.one(MUTATIONS)(dice, steps, other)
  return steps.slice(0, MOST_STEPS)
}

const MUTATIONS: readonly Mutation[] = [
  drop,
  repeat,
  move,
  splice,
  control,
  again,
  ...[flipBit, overwrite, cut, extend, lie, otherChannel, otherType].map((change) => inFrame(change)),
  ...[deepTable, manyFields, badText].map((change) => inFrame(change, METHOD_FRAME)),
  chunk,
  glue,
]

function drop(dice: Dice, steps: Step[]): void {
  steps.splice(dice.below(steps.length), 1 + dice.below(3))
}

function repeat(dice: Dice, steps: Step[]): void {
  const from = dice.below(steps.length)
  const part = steps.slice(from, from + 1 + dice.below(5))
  const times = dice.one([1, 1, 2, 10])
  for (let n = 0; n < times; n++) steps.splice(from, 0, ...part)
}

function move(dice: Dice, steps: Step[]): void {
  const part = steps.splice(dice.below(steps.length), 1 + dice.below(3))
  steps.splice(dice.below(steps.length + 1), 0, ...part)
}

function splice(dice: Dice, steps: Step[], other: Conversation): void {
  const from = dice.below(other.length)
  steps.splice(dice.below(steps.length + 1), dice.below(4), ...other.slice(from, from + 1 + dice.below(20)))
}

function control(dice: Dice, steps: Step[]): void {
  const client = dice.below(CLIENTS)
  const step = dice.one<Step>([
    { what: 'turn' },
    { what: 'turn' },
    { what: 'wait', ms: dice.one([1, 60, 1_000, 6_000, 61_000]) },
    { what: 'break', client },
    { what: 'end', client },
    { what: 'deafen', client, isDeaf: dice.chance(0.7) },
    { what: 'stall', isStalled: dice.chance(0.7) },
  ])
  steps.splice(dice.below(steps.length + 1), 0, step)
}

/** Somebody goes, and comes back. */
function again(dice: Dice, steps: Step[]): void {
  const client = dice.below(CLIENTS)
  steps.splice(dice.below(steps.length + 1), 0, { what: 'break', client }, ...clientSteps(dice, client).slice(0, 20))
}

/** Two chunks where there was one. */
function chunk(dice: Dice, steps: Step[]): void {
  const at = dice.below(steps.length)
  const step = steps[at]
  if (step?.what !== 'say') return
  const parts: Step[] = []
  const most = dice.one([1, 3, 7, 8, 50])
  for (let from = 0; from < step.octets.length && parts.length < 50; from += most)
    parts.push({ ...step, octets: step.octets.subarray(from, parts.length === 49 ? undefined : from + most) })
  if (dice.chance(0.5)) parts.splice(dice.below(parts.length), 0, { what: 'turn' })
  steps.splice(at, 1, ...parts)
}

/** One chunk of what a client says in several steps. */
function glue(dice: Dice, steps: Step[]): void {
  const at = dice.below(steps.length)
  const step = steps[at]
  if (step?.what !== 'say') return
  const octets = [step.octets]
  for (let left = dice.below(30), from = at + 1; left > 0 && from < steps.length; left--) {
    const next = steps[from]
    if (next?.what === 'say' && next.client === step.client) {
      octets.push(next.octets)
      steps.splice(from, 1)
    } else if (next?.what === 'turn') steps.splice(from, 1)
    else from++
  }
  steps[at] = { ...step, octets: Buffer.concat(octets) }
}

function inFrame(change: (dice: Dice, frame: Buffer) => Buffer, type?: number): Mutation {
  return (dice, steps) => {
    for (let tried = 0; tried < 10; tried++) {
      const at = dice.below(steps.length)
      const step = steps[at]
      if (step?.what !== 'say' || step.octets.length < FRAME_HEADER_OCTETS) continue
      if (type !== undefined && step.octets[0] !== type) continue
      steps[at] = { ...step, octets: change(dice, Buffer.from(step.octets)) }
      return
    }
  }
}

function flipBit(dice: Dice, frame: Buffer): Buffer {
  for (let left = dice.one([1, 1, 1, 4]); left > 0; left--) {
    const at = dice.below(frame.length)
    frame[at] = (frame[at] ?? 0) ^ (1 << dice.below(8))
  }
  return frame
}

function overwrite(dice: Dice, frame: Buffer): Buffer {
  frame[dice.below(frame.length)] = dice.one(ODD_OCTETS)
  return frame
}

/** A length that says more, or less, than there is. */
function lie(dice: Dice, frame: Buffer): Buffer {
  if (frame.length >= 4) frame.writeUInt32BE(dice.one(ODD_LONGS), dice.below(frame.length - 3))
  return frame
}

function cut(dice: Dice, frame: Buffer): Buffer {
  const payload = payloadOf(frame)
  return reframed(frame, payload.subarray(0, dice.below(payload.length + 1)))
}

function extend(dice: Dice, frame: Buffer): Buffer {
  return reframed(frame, Buffer.concat([payloadOf(frame), dice.octets(1 + dice.below(20))]))
}

function otherChannel(dice: Dice, frame: Buffer): Buffer {
  frame.writeUInt16BE(dice.one([0, 1, 1, 2, 2, 7, 2_047, 2_048, 65_535]), 1)
  return frame
}

function otherType(dice: Dice, frame: Buffer): Buffer {
  frame[0] = dice.one([0, 1, 2, 3, 4, 8, 65])
  return frame
}

/** A table within a table within a table, where the last field of the frame is. */
function deepTable(dice: Dice, frame: Buffer): Buffer {
  const depth = dice.one([2, 15, 16, 17, 18, 200, 4_000])
  const isArray = dice.chance(0.5)
  const level = isArray ? 5 : 7
  const nested = Buffer.alloc(4 + depth * level)
  for (let at = 0, left = depth; ; left--) {
    nested.writeUInt32BE(left * level, at)
    at += 4
    if (left === 0) break
    if (!isArray) {
      nested.write('\u0001a', at, 'latin1')
      at += 2
    }
    nested.write(isArray ? 'A' : 'F', at, 'latin1')
    at += 1
  }
  return reframed(frame, Buffer.concat([withoutTable(frame), nested]))
}

function manyFields(dice: Dice, frame: Buffer): Buffer {
  const writer = new ByteWriter()
  const count = dice.one([10, 300, 3_000])
  writer.sized(() => {
    for (let n = 0; n < count; n++) {
      writer.shortString(dice.chance(0.001) ? '__proto__' : n.toString(36))
      writer.raw(Buffer.from('V'))
    }
  })
  return reframed(frame, Buffer.concat([withoutTable(frame), writer.bytes()]))
}

/** A short string of octets that are no text. */
function badText(dice: Dice, frame: Buffer): Buffer {
  const at = Math.min(frame.length - 1, FRAME_HEADER_OCTETS + 4 + dice.one([0, 2, 2, 2, 3, 5]))
  const old = frame[at] ?? 0
  const text = Buffer.alloc(dice.one([1, 90, 255]), dice.one([0xff, 0xc3, 0xed]))
  const rest = frame.subarray(Math.min(frame.length - 1, at + 1 + old), frame.length - 1)
  return reframed(frame, Buffer.concat([frame.subarray(FRAME_HEADER_OCTETS, at), Buffer.of(text.length), text, rest]))
}

/** Without the empty table with which most methods that have one end. */
function withoutTable(frame: Buffer): Buffer {
  const payload = payloadOf(frame)
  return payload.subarray(0, Math.max(0, payload.length - 4))
}

function payloadOf(frame: Buffer): Buffer {
  return frame.subarray(FRAME_HEADER_OCTETS, Math.max(FRAME_HEADER_OCTETS, frame.length - 1))
}

/** The frame with another payload, and a length that is true. */
function reframed(frame: Buffer, payload: Buffer): Buffer {
  const head = Buffer.from(frame.subarray(0, FRAME_HEADER_OCTETS))
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.of(0xce)])
}
