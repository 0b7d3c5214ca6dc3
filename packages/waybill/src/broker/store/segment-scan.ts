import {
  RECORD,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  batchAt,
  distanceAt,
  findLaterGroup,
  isRecord,
  payloadLengthAt,
  recordBytes,
  typeAt,
} from './record.ts'
import { SEGMENT_HEADER_BYTES } from './segment-header.ts'

export interface ScanResult {
  /** Where the good records end. */
  readonly end: number
  /** Batch of the last of them; 0 when there is none. */
  readonly batch: number
}

/**
 * Calls `visit` for the good records of a segment, in order, up to the first place where none begins: the end of what was
 * written, a torn group or damage.
 */
export function scanSegment(bytes: Buffer, identity: number, visit: (at: number) => void): ScanResult {
  let at = SEGMENT_HEADER_BYTES
  let batch = 0
  let groupStart = 0
  while (isRecord(bytes, at, bytes.length, identity)) {
    const own = batchAt(bytes, at)
    const start = at - distanceAt(bytes, at)
    // The first group begins with the header. Records left over from a torn group that was cut have an older batch.
    const follows = own === batch ? start === groupStart : own > batch && (start === at || (batch === 0 && start === 0))
    if (!follows || (batch === 0 && typeAt(bytes, at) !== RECORD.checkpoint)) break
    batch = own
    groupStart = start
    visit(at)
    at += recordBytes(payloadLengthAt(bytes, at))
  }
  return { end: at, batch }
}

/** Whether what lies behind the end of the good records of the last segment proves that they were once followed by more. */
export function isDamagedBehind(bytes: Buffer, identity: number, { end, batch }: ScanResult): boolean {
  return findLaterGroup(bytes, end, bytes.length, batch, identity) !== -1
}

/**
 * Calls `visit` for every good record of a damaged segment, and `bad` for every stretch between good ones that is not.
 * Returns where the last good one ends.
 */
export function scanDamagedSegment(
  bytes: Buffer,
  identity: number,
  visit: (at: number) => void,
  bad: (from: number, to: number) => void,
): number {
  let end = SEGMENT_HEADER_BYTES
  let batch = 0
  for (let at = end; at + RECORD_HEADER_BYTES <= bytes.length;) {
    if (batchAt(bytes, at) < batch || !isRecord(bytes, at, bytes.length, identity)) {
      at += RECORD_ALIGNMENT
      continue
    }
    if (at > end) bad(end, at)
    batch = batchAt(bytes, at)
    visit(at)
    at += recordBytes(payloadLengthAt(bytes, at))
    end = at
  }
  return end
}
