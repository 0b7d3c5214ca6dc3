import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { checksum } from './checksum.ts'

test('checksum() is that of zlib, whatever the length, the place and the seed', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2_000 }),
      fc.nat(50),
      fc.nat(3),
      fc.nat(2 ** 32 - 1),
      (octets, before, unaligned, seed) => {
        const start = before * 4
        const whole = Buffer.allocUnsafeSlow(unaligned + start + octets.length + 3)
        const bytes = whole.subarray(unaligned)
        bytes.set(octets, start)
        expect(checksum(bytes, start, start + octets.length, seed)).toBe(crc32(octets, seed))
      },
    ),
    { numRuns: 500 },
  )
})
