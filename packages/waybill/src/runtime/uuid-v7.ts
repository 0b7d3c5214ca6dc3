// UUID version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, 12 bits of counter within the millisecond, 62 random bits.

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const COUNTER_LIMIT = 0x1000

/**
 * Makes a generator whose ids sort by the order in which they were made, also within one millisecond and when the clock
 * is set back (RFC 9562 section 6.2, method 1: the counter borrows from the future rather than repeat itself).
 *
 * @param now milliseconds since the epoch
 * @param fill fills the given bytes with random ones
 */
export function uuidV7(now: () => number, fill: (bytes: Uint8Array) => void): () => string {
  const pool = new Uint8Array(8 * 512)
  let used = pool.length
  let lastMs = 0
  let counter = 0

  const hex = (byte: number): string => HEX[byte] as string // a byte is below 256
  return () => {
    if (used === pool.length) {
      fill(pool)
      used = 0
    }
    const b = (at: number): number => pool[used + at] as number // used + 7 < pool.length
    const ms = Math.floor(now())
    if (ms > lastMs) {
      lastMs = ms
      counter = b(0) & 0x7f
    } else if (++counter === COUNTER_LIMIT) {
      lastMs++
      counter = 0
    }
    const high = Math.floor(lastMs / 0x10000)
    const low = lastMs % 0x10000
    const id =
      hex((high >>> 24) & 0xff) +
      hex((high >>> 16) & 0xff) +
      hex((high >>> 8) & 0xff) +
      hex(high & 0xff) +
      '-' +
      hex(low >>> 8) +
      hex(low & 0xff) +
      '-' +
      hex(0x70 | (counter >>> 8)) +
      hex(counter & 0xff) +
      '-' +
      hex(0x80 | (b(1) & 0x3f)) +
      hex(b(2)) +
      '-' +
      hex(b(3)) +
      hex(b(4)) +
      hex(b(5)) +
      hex(b(6)) +
      hex(b(7)) +
      hex(b(0))
    used += 8
    return id
  }
}
