import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, shardOf } from './shard.ts'

describe('murmur2()', () => {
  // From Apache Kafka's own tests (org.apache.kafka.common.utils.UtilsTest, testMurmur2).
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %j is what Kafka computes', (text, hash) => {
    expect(murmur2(new TextEncoder().encode(text))).toBe(hash)
  })
})

describe('shardOf()', () => {
  it('is a shard, and the same one every time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 256 }), (key, shards) => {
        const shard = shardOf(key, shards)
        expect(Number.isInteger(shard) && shard >= 0 && shard < shards).toBe(true)
        expect(shardOf(key, shards)).toBe(shard)
      }),
    )
  })

  it('is the partition that Kafka chooses: the hash without its sign bit, modulo the number', () => {
    expect(shardOf('21', 8)).toBe((-973932308 & 0x7fffffff) % 8)
    expect(shardOf('abc', 7)).toBe(479470107 % 7)
  })

  it('spreads keys evenly', () => {
    const shards = Array.from({ length: 8_000 }, (_, n) => shardOf(`order-${n}`, 8))
    const loads = [...Map.groupBy(shards, (shard) => shard).values()].map((keys) => keys.length)
    expect(loads).toHaveLength(8)
    expect(Math.min(...loads)).toBeGreaterThan(850)
  })
})
