import { crc32 } from 'node:zlib'
import { WaybillError } from '../../message/errors.ts'

// The first 4096 bytes of a segment hold its header twice, at 0 and at 2048, which are never in one sector of 512:
//
//   header = magic "WAYBLOG1", format u32, segment number u32, identity u32, zero, crc u32 at 60
//
// It is written with the first group, so a copy on the disk is good, or all zero in a new file, or good with another
// number in a recycled one; anything else is damage. Magic, format and crc keep their places in every later format.

export const SEGMENT_HEADER_BYTES = 4096
export const FORMAT_VERSION = 1

const MAGIC = Buffer.from('WAYBLOG1', 'latin1')
const COPIES = [0, 2048] as const
const COPY_BYTES = 64
const CRC_AT = 60

export interface SegmentHeader {
  readonly number: number
  /** Random; seeds the checksum of every record of the segment. */
  readonly identity: number
}

/** What the copies of a header tell. `torn`: only one of them is of this segment. */
export type HeaderState =
  | { readonly state: 'whole' | 'torn'; readonly identity: number }
  | { readonly state: 'unwritten' }
  | { readonly state: 'damaged' }

export function writeSegmentHeader(bytes: Buffer, number: number, identity: number): void {
  bytes.fill(0, 0, SEGMENT_HEADER_BYTES)
  for (const at of COPIES) {
    MAGIC.copy(bytes, at)
    bytes.writeUInt32LE(FORMAT_VERSION, at + 8)
    bytes.writeUInt32LE(number, at + 12)
    bytes.writeUInt32LE(identity, at + 16)
    bytes.writeUInt32LE(crc32(bytes.subarray(at, at + CRC_AT)), at + CRC_AT)
  }
}

/** @throws {WaybillError} `WAYBILL_STORE_VERSION` when the segment is of a newer format */
export function readSegmentHeader(bytes: Buffer, number: number, path: string): HeaderState {
  if (bytes.length < SEGMENT_HEADER_BYTES) return { state: 'damaged' }
  const copies = COPIES.map((at) => readCopy(bytes.subarray(at, at + COPY_BYTES), path))
  const own = copies.filter((copy) => copy !== 'zero' && copy !== 'bad' && copy.number === number)
  const first = own[0]
  if (copies.includes('bad')) return { state: 'damaged' }
  if (first === undefined || first === 'zero' || first === 'bad') return { state: 'unwritten' }
  return { state: own.length === COPIES.length ? 'whole' : 'torn', identity: first.identity }
}

/** The identity of a segment with a damaged header, from the copy that is still good. */
export function salvageIdentity(bytes: Buffer, number: number, path: string): number | undefined {
  for (const at of COPIES) {
    const copy = readCopy(bytes.subarray(at, at + COPY_BYTES), path)
    if (copy !== 'zero' && copy !== 'bad' && copy.number === number) return copy.identity
  }
  return undefined
}

function readCopy(copy: Buffer, path: string): SegmentHeader | 'zero' | 'bad' {
  if (copy.length < COPY_BYTES) return 'bad'
  if (copy.every((byte) => byte === 0)) return 'zero'
  const good =
    MAGIC.equals(copy.subarray(0, MAGIC.length)) && crc32(copy.subarray(0, CRC_AT)) === copy.readUInt32LE(CRC_AT)
  if (!good) return 'bad'
  const format = copy.readUInt32LE(8)
  if (format > FORMAT_VERSION)
    throw new WaybillError(
      'WAYBILL_STORE_VERSION',
      `${path} has format ${format}; this version reads ${FORMAT_VERSION}`,
    )
  return { number: copy.readUInt32LE(12), identity: copy.readUInt32LE(16) }
}
