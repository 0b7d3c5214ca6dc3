import { describe, expect, test } from 'vitest'
import { ByteReader } from './byte-reader.ts'

function shortString(octets: Buffer): ByteReader {
  return new ByteReader(Buffer.concat([Buffer.of(octets.length), octets]))
}

describe('shortString()', () => {
  test('reads any text, that of a replacement character too', () => {
    for (const text of ['', 'a', 'größe', '\u{1F600}', '\uFFFD', '\uFEFFa', 'a\0b']) {
      expect(shortString(Buffer.from(text)).shortString()).toBe(text)
    }
  })

  test.each([[[0xff]], [[0x61, 0xc3]], [[0xed, 0xa0, 0x80]], [[0xc0, 0x80]], [[0xf0, 0x9f, 0x98]]])(
    'refuses %j, which is no UTF-8: it might not fit a short string when it is written again',
    (octets) => {
      expect(() => shortString(Buffer.from(octets)).shortString()).toThrow('not UTF-8')
      expect(shortString(Buffer.from(octets)).looseShortString()).toContain('\uFFFD')
    },
  )
})
