import { crc32 } from 'node:zlib'

// CRC-32 (ISO 3309, as in zlib), sixteen octets at a time by tables: for the few hundred octets of most records that is
// twice as quick as a call out of JavaScript; longer ones are better off with the instructions that zlib has for it.
const LONG_OCTETS = 1024
const STEP_OCTETS = 16

/** 16 tables of 256: what a byte does to the checksum that has so many others behind it. */
const TABLES = newTables()

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** The words of the buffer used last: records come in rows. */
let words: Int32Array = new Int32Array(0)

/** CRC-32 of `bytes` from `start`, a multiple of four, to `end`, begun with `seed`. */
export function checksum(bytes: Buffer, start: number, end: number, seed: number): number {
  const at = bytes.byteOffset + start
  if (end - start > LONG_OCTETS || (at & 3) !== 0 || !isLittleEndian) return crc32(bytes.subarray(start, end), seed)
  if (words.buffer !== bytes.buffer) words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2)
  return ofWords(bytes, start, end, seed)
}

function ofWords(bytes: Buffer, start: number, end: number, seed: number): number {
  const [table, word] = [TABLES, words]
  let crc = ~seed
  let next = (bytes.byteOffset + start) >> 2
  let at = start
  for (; at + STEP_OCTETS <= end; at += STEP_OCTETS) {
    // All indices are within the tables, and the words within the buffer.
    const a = (word[next++] as number) ^ crc
    const b = word[next++] as number
    const c = word[next++] as number
    const d = word[next++] as number
    crc =
      (table[0xf00 + (a & 255)] as number) ^
      (table[0xe00 + ((a >>> 8) & 255)] as number) ^
      (table[0xd00 + ((a >>> 16) & 255)] as number) ^
      (table[0xc00 + (a >>> 24)] as number) ^
      (table[0xb00 + (b & 255)] as number) ^
      (table[0xa00 + ((b >>> 8) & 255)] as number) ^
      (table[0x900 + ((b >>> 16) & 255)] as number) ^
      (table[0x800 + (b >>> 24)] as number) ^
      (table[0x700 + (c & 255)] as number) ^
      (table[0x600 + ((c >>> 8) & 255)] as number) ^
      (table[0x500 + ((c >>> 16) & 255)] as number) ^
      (table[0x400 + (c >>> 24)] as number) ^
      (table[0x300 + (d & 255)] as number) ^
      (table[0x200 + ((d >>> 8) & 255)] as number) ^
      (table[0x100 + ((d >>> 16) & 255)] as number) ^
      (table[d >>> 24] as number)
  }
  for (; at < end; at++) crc = (table[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

function newTables(): Int32Array {
  const tables = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
    tables[byte] = crc
  }
  for (let byte = 0; byte < 256; byte++) {
    let crc = tables[byte] as number // made above
    for (let behind = 1; behind < 16; behind++)
      tables[behind * 256 + byte] = crc = (tables[crc & 255] as number) ^ (crc >>> 8)
  }
  return tables
}
