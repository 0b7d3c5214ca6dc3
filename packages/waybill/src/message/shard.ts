/**
 * The shard of a key: `murmur2(utf8(key))` without its sign bit, modulo the number of shards.
 *
 * It is the hash of Apache Kafka's default partitioner (`org.apache.kafka.common.utils.Utils.murmur2`), so that a key
 * lands in the same partition whether Waybill, a Java client or another engine's transport computes it.
 *
 * @param shards at least 1
 */
export function shardOf(key: string, shards: number): number {
  return shards === 1 ? 0 : (murmur2(utf8.encode(key)) & 0x7fffffff) % shards
}

const utf8 = new TextEncoder()
const SEED = 0x9747b28c
const M = 0x5bd1e995

/** Austin Appleby's MurmurHash2, 32 bits, with Kafka's seed. */
export function murmur2(data: Uint8Array): number {
  const at = (i: number): number => data[i] as number // callers stay below data.length
  const whole = data.length & ~3
  let h = SEED ^ data.length
  for (let i = 0; i < whole; i += 4) {
    let k = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    h = Math.imul(h, M) ^ Math.imul(k, M)
  }
  const rest = data.length - whole
  if (rest === 3) h ^= at(whole + 2) << 16
  if (rest >= 2) h ^= at(whole + 1) << 8
  if (rest >= 1) h = Math.imul(h ^ at(whole), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}
