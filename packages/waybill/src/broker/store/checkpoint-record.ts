import { definitionBytes, readDefinition, writeDefinition, type Definition } from './definition-record.ts'

// The first record of every segment: what does not belong to one segment, so that older ones may go.
//
//   checkpoint = next sequence u48, next order u48, segments u32, { number u32, identity u32, end u32 },
//                definitions u32, { length u32, define }
//
// The segments are all that exist before this one, each with the place where its records end.

export interface SegmentEntry {
  readonly number: number
  readonly identity: number
  readonly end: number
}

export interface Checkpoint {
  readonly nextSequence: number
  readonly nextOrder: number
  readonly segments: readonly SegmentEntry[]
  readonly definitions: ReadonlyMap<string, Definition>
}

export function checkpointBytes(checkpoint: Checkpoint): number {
  let total = 12 + 4 + checkpoint.segments.length * 12 + 4
  for (const [key, { value }] of checkpoint.definitions) total += 4 + definitionBytes(key, value)
  return total
}

export function writeCheckpoint(bytes: Buffer, start: number, checkpoint: Checkpoint): void {
  let at = bytes.writeUIntLE(checkpoint.nextOrder, bytes.writeUIntLE(checkpoint.nextSequence, start, 6), 6)
  at = bytes.writeUInt32LE(checkpoint.segments.length, at)
  for (const { number, identity, end } of checkpoint.segments)
    at = bytes.writeUInt32LE(end, bytes.writeUInt32LE(identity, bytes.writeUInt32LE(number, at)))
  at = bytes.writeUInt32LE(checkpoint.definitions.size, at)
  for (const [key, { order, value }] of checkpoint.definitions) {
    const end = writeDefinition(bytes, at + 4, order, key, value)
    bytes.writeUInt32LE(end - at - 4, at)
    at = end
  }
}

export function readCheckpoint(bytes: Buffer, start: number): Checkpoint {
  const segments: SegmentEntry[] = []
  let at = start + 16
  for (let left = bytes.readUInt32LE(start + 12); left > 0; left--, at += 12)
    segments.push({
      number: bytes.readUInt32LE(at),
      identity: bytes.readUInt32LE(at + 4),
      end: bytes.readUInt32LE(at + 8),
    })
  const definitions = new Map<string, Definition>()
  let left = bytes.readUInt32LE(at)
  for (at += 4; left > 0; left--) {
    const end = at + 4 + bytes.readUInt32LE(at)
    const { order, key, value } = readDefinition(bytes, at + 4, end)
    if (value !== undefined) definitions.set(key, { order, value })
    at = end
  }
  return {
    nextSequence: bytes.readUIntLE(start, 6),
    nextOrder: bytes.readUIntLE(start + 6, 6),
    segments,
    definitions,
  }
}
