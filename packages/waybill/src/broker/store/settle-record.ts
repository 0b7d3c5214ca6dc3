// Payloads that change what queues hold.
//
//   settle = queue u32, n u32, { sequence u48 } × n
//   count  = queue u32, n u32, { sequence u48, deliveries u16 } × n      deliveries so far, not an increment

export function settleBytes(count: number): number {
  return 8 + count * 6
}

export function writeSettle(bytes: Buffer, start: number, queue: number, sequences: readonly number[]): void {
  let at = bytes.writeUInt32LE(sequences.length, bytes.writeUInt32LE(queue, start))
  for (const sequence of sequences) at = bytes.writeUIntLE(sequence, at, 6)
}

export function countBytes(count: number): number {
  return 8 + count * 8
}

export function writeCount(
  bytes: Buffer,
  start: number,
  queue: number,
  sequences: readonly number[],
  deliveries: (sequence: number) => number,
): void {
  let at = bytes.writeUInt32LE(sequences.length, bytes.writeUInt32LE(queue, start))
  for (const sequence of sequences) at = bytes.writeUInt16LE(deliveries(sequence), bytes.writeUIntLE(sequence, at, 6))
}

export function forEachSettled(bytes: Buffer, start: number, visit: (queue: number, sequence: number) => void): void {
  const queue = bytes.readUInt32LE(start)
  const end = start + settleBytes(bytes.readUInt32LE(start + 4))
  for (let at = start + 8; at < end; at += 6) visit(queue, bytes.readUIntLE(at, 6))
}

export function forEachCounted(
  bytes: Buffer,
  start: number,
  visit: (queue: number, sequence: number, deliveries: number) => void,
): void {
  const queue = bytes.readUInt32LE(start)
  const end = start + countBytes(bytes.readUInt32LE(start + 4))
  for (let at = start + 8; at < end; at += 8) visit(queue, bytes.readUIntLE(at, 6), bytes.readUInt16LE(at + 6))
}
