import { checksum } from './checksum.ts'

// The unit of the log. All integers are little-endian.
//
//   record  = crc u32, length u32, batch u32, distance u24, type u8, payload (length bytes), zeros to a multiple of 8
//
// `crc` is CRC-32 of all that follows it in the record, the padding too, started with the identity of the segment, so
// that bytes left by an earlier life of the file never pass. `batch` numbers the group commits of the segment, from 1,
// and `distance` says how many times 8 bytes before the record its group begins: so any record tells whether a bad one
// before it belongs to its own group, which may be torn, or to an earlier one, which had been synced.

export const RECORD_HEADER_BYTES = 16
export const RECORD_ALIGNMENT = 8
/** `distance` must be able to say it. */
export const MOST_GROUP_BYTES: number = 2 ** 24 * RECORD_ALIGNMENT

export const RECORD = {
  publish: 1,
  move: 2,
  copy: 3,
  settle: 4,
  count: 5,
  define: 6,
  checkpoint: 7,
  retire: 8,
  open: 9,
  close: 10,
} as const
export type RecordType = (typeof RECORD)[keyof typeof RECORD]

const LAST_TYPE: number = RECORD.close

/** What a record with this payload takes in the log. */
export function recordBytes(payloadLength: number): number {
  return Math.ceil((RECORD_HEADER_BYTES + payloadLength) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
}

/** Writes header, padding and checksum around a payload that is in place at `at + RECORD_HEADER_BYTES`. */
export function sealRecord(
  bytes: Buffer,
  at: number,
  payloadLength: number,
  type: RecordType,
  batch: number,
  distance: number,
  identity: number,
): void {
  const end = at + recordBytes(payloadLength)
  for (let i = at + RECORD_HEADER_BYTES + payloadLength; i < end; i++) bytes[i] = 0
  bytes.writeUInt32LE(payloadLength, at + 4)
  bytes.writeUInt32LE(batch, at + 8)
  bytes.writeUInt32LE((distance / RECORD_ALIGNMENT) * 256 + type, at + 12)
  bytes.writeUInt32LE(checksum(bytes, at + 4, end, identity), at)
}

export function payloadLengthAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4)
}

export function batchAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 8)
}

export function distanceAt(bytes: Buffer, at: number): number {
  return (bytes.readUInt32LE(at + 12) >>> 8) * RECORD_ALIGNMENT
}

export function typeAt(bytes: Buffer, at: number): RecordType {
  // Only asked of records that passed `isRecord`, which checks the range.
  return bytes[at + 12] as RecordType
}

/** Whether a whole, unspoilt record begins at `at` and ends by `end`. The cheap conditions come first. */
export function isRecord(bytes: Buffer, at: number, end: number, identity: number): boolean {
  if (at + RECORD_HEADER_BYTES > end) return false
  const type = bytes[at + 12] ?? 0
  if (type === 0 || type > LAST_TYPE) return false
  const recordEnd = at + recordBytes(payloadLengthAt(bytes, at))
  if (recordEnd > end) return false
  return checksum(bytes, at + 4, recordEnd, identity) === bytes.readUInt32LE(at)
}

/**
 * Looks behind a bad record at `bad` for a valid one whose group begins after it: a later group, which was written only
 * when the bad one had been synced. Returns its place, or -1.
 */
export function findLaterGroup(bytes: Buffer, bad: number, end: number, batch: number, identity: number): number {
  for (let at = bad + RECORD_ALIGNMENT; at + RECORD_HEADER_BYTES <= end; at += RECORD_ALIGNMENT) {
    const type = bytes[at + 12] ?? 0
    if (type === 0 || type > LAST_TYPE || batchAt(bytes, at) <= batch || at - distanceAt(bytes, at) <= bad) continue
    if (isRecord(bytes, at, end, identity)) return at
  }
  return -1
}
