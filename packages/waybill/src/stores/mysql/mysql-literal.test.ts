import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesLiteral, integer, literal } from './mysql-literal.ts'

test.each([
  ['', "''"],
  ['orders.placed', "'orders.placed'"],
  ['{"a":"?"}', `'{"a":"?"}'`],
  ["'", "X'27'"],
  ['\\', "X'5c'"],
  ["a' OR 1=1 -- ", "X'6127204f5220313d31202d2d20'"],
  ['\n', "X'0a'"],
  ['\0', "X'00'"],
  ['\u007f', "X'7f'"],
  ['ü', "X'c3bc'"],
])('literal(%j)', (text, expected) => expect(literal(text)).toBe(expected))

test('whatever the text is, nothing in its literal ends it before its end', () => {
  const safe = /^(?:'[^'\\\n\r\0]*'|X'(?:[0-9a-f]{2})*')$/
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, bytes) => {
      expect(literal(text)).toMatch(safe)
      expect(bytesLiteral(bytes)).toMatch(safe)
    }),
  )
})

test('integer() takes whole numbers and nothing else', () => {
  expect([0, -1, Number.MAX_SAFE_INTEGER, 12345678901234567890n].map(integer)).toEqual(['0', '-1', '9007199254740991', '12345678901234567890']) // prettier-ignore
  for (const value of [0.5, Number.NaN, Infinity, 1e21, '1; DROP TABLE x' as never, undefined as never])
    expect(() => integer(value)).toThrow(TypeError)
})
