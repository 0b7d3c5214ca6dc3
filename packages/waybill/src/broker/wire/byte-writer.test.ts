import { expect, test } from 'vitest'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

const FIELDS = [
  ['octet', 1],
  ['short', 2],
  ['long', 4],
  ['safeLongLong', 8],
  ['double', 8],
  ['float', 4],
] as const

test.each(FIELDS)('a %s that makes the buffer grow is written to the larger one', (field, octets) => {
  for (let before = 500; before <= 520; before++) {
    const writer = new ByteWriter()
    writer.raw(Buffer.alloc(before))
    writer[field](7)
    expect(writer.length).toBe(before + octets)
    expect(
      Buffer.from(writer.bytes())
        .subarray(before)
        .some((octet) => octet !== 0),
    ).toBe(true)
  }
})

test('safeLongLong() writes what longLong() reads, up to 2^53', () => {
  const writer = new ByteWriter()
  const numbers = [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]
  for (const number of numbers) writer.safeLongLong(number)
  const reader = new ByteReader(writer.bytes())
  expect(numbers.map(() => Number(reader.longLong()))).toEqual(numbers)
})

test.each([10, 100_000])('take() hands over %i octets that later writing leaves alone', (octets) => {
  const writer = new ByteWriter()
  writer.raw(Buffer.alloc(octets, 1))
  const taken = writer.take()
  expect(writer.length).toBe(0)
  writer.raw(Buffer.alloc(octets, 2))
  expect(taken).toHaveLength(octets)
  expect(taken.every((octet) => octet === 1)).toBe(true)
})
