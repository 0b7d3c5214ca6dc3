import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TypedField, type FieldTable, type FieldValue } from './field-table.ts'
import { decodeProperties, encodeProperties, type BasicProperties } from './properties.ts'

const short = fc.string({ maxLength: 60, unit: 'binary' })
const bytes = fc.uint8Array({ maxLength: 40 })
const { value } = fc.letrec<{ value: FieldValue; table: FieldTable; array: readonly FieldValue[] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constant(null),
    bytes,
    fc.integer({ min: -128, max: 127 }).map((n) => TypedField.number('b', n)),
    fc.integer({ min: 0, max: 255 }).map((n) => TypedField.number('B', n)),
    fc.integer({ min: -32_768, max: 32_767 }).map((n) => TypedField.number('s', n)),
    fc.integer({ min: 0, max: 65_535 }).map((n) => TypedField.number('u', n)),
    fc.integer().map((n) => TypedField.number('I', n)),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((n) => TypedField.number('i', n)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => TypedField.long('l', n)),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n) => TypedField.long('T', n)),
    fc.float({ noNaN: true }).map((n) => TypedField.number('f', n)),
    fc.double({ noNaN: true }).map((n) => TypedField.number('d', n)),
    fc.uint8Array({ minLength: 5, maxLength: 5 }).map((octets) => TypedField.bytes('D', octets)),
    tie('table'),
    tie('array'),
  ),
  table: fc.dictionary(short, tie('value'), { maxKeys: 5, noNullPrototype: false }),
  array: fc.array(tie('value'), { maxLength: 5 }),
}))
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const properties: fc.Arbitrary<BasicProperties> = fc
  .record({
    contentType: optional(short),
    contentEncoding: optional(short),
    headers: optional(fc.dictionary(short, value)),
    deliveryMode: optional(fc.constantFrom(1, 2)),
    priority: optional(fc.integer({ min: 0, max: 255 })),
    correlationId: optional(short),
    replyTo: optional(short),
    expiration: optional(short),
    messageId: optional(short),
    timestamp: optional(fc.integer({ min: 0, max: 2 ** 40 })),
    type: optional(short),
    userId: optional(short),
    appId: optional(short),
    clusterId: optional(short),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, is]) => is !== undefined)))

describe('encodeProperties()', () => {
  test('is undone by decodeProperties(), every type kept', () => {
    fc.assert(
      fc.property(properties, (given) => {
        expect(decodeProperties(encodeProperties(given))).toEqual(given)
      }),
      { numRuns: 500 },
    )
  })

  test('writes the octets of the specification', () => {
    const written = encodeProperties({
      contentType: 'a/b',
      headers: { k: 'v', n: TypedField.number('I', -2) },
      deliveryMode: 2,
    })
    const headers = ['01', '6b', '53', '00000001', '76', '01', '6e', '49', 'fffffffe'].join('')
    expect(Buffer.from(written).toString('hex')).toBe(['b000', '03612f62', '0000000f', headers, '02'].join(''))
  })

  test('refuses what does not fit a short string', () => {
    expect(() => encodeProperties({ messageId: 'é'.repeat(128) })).toThrow(RangeError)
    expect(decodeProperties(encodeProperties({ messageId: 'é'.repeat(127) }))).toEqual({ messageId: 'é'.repeat(127) })
  })
})

describe('decodeProperties()', () => {
  test('refuses any other bytes with WAYBILL_MALFORMED, and reads no further than they go', () => {
    fc.assert(
      fc.property(properties, fc.nat(), (given, cut) => {
        const whole = encodeProperties(given)
        const part = whole.subarray(0, cut % whole.length)
        expect(() => decodeProperties(part)).toThrow(expect.objectContaining({ code: 'WAYBILL_MALFORMED' }) as Error)
      }),
    )
  })

  test('refuses tables nested too deeply, without exhausting the stack', () => {
    let table: FieldTable = {}
    for (let depth = 0; depth < 16; depth++) table = { t: table }
    const allowed = encodeProperties({ headers: table })
    expect(decodeProperties(allowed)).toEqual({ headers: table })
    expect(() => encodeProperties({ headers: { t: table } })).toThrow(TypeError)
    // 100,000 tables in each other, each with the name 't' and the letter F, all lengths as long as what is left.
    const levels = 100_000
    const hostile = Buffer.alloc(2 + levels * 7)
    hostile.writeUInt16BE(1 << 13)
    for (let level = 0; level < levels; level++) {
      const at = 2 + level * 7
      hostile.writeUInt32BE(hostile.length - at - 4, at)
      hostile.set([1, 0x74, 0x46], at + 4)
    }
    expect(() => decodeProperties(hostile)).toThrow(/deeper than 16/)
  })

  test('keeps a header named __proto__ as a header', () => {
    const headers = JSON.parse('{"__proto__":"x"}') as FieldTable
    const read = decodeProperties(encodeProperties({ headers })).headers
    expect(read === undefined ? [] : Object.keys(read)).toEqual(['__proto__'])
  })

  test('keeps a string that is not UTF-8 as the octets it is', () => {
    const odd = TypedField.bytes('S', new Uint8Array([0xff, 0xfe]))
    expect(decodeProperties(encodeProperties({ headers: { odd } }))).toEqual({ headers: { odd } })
  })
})
