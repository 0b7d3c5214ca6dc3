import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { MAX_DEPTH, readTable, writeTable, type FieldTable, type FieldValue } from './field-table.ts'
import { requireTable } from './table-check.ts'

/** Letters, lengths that are small, and whatever: what looks like a table more often than not. */
const octet = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 0, 0, 1, 2, 3, 5) },
  { weight: 3, arbitrary: fc.constantFrom(...Buffer.from('tbBsuIilfdDSxATFVLU')) },
  { weight: 1, arbitrary: fc.nat(255) },
)

function passes(octets: Buffer): boolean {
  return !malformed(() => requireTable(octets, 0, octets.length))
}

function canBeRead(octets: Buffer): boolean {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(octets.length)
  return !malformed(() => readTable(new ByteReader(Buffer.concat([length, octets]))))
}

/** @throws whatever is no such error */
function malformed(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch (error) {
    if (!isWaybillError(error, 'WAYBILL_MALFORMED')) throw error
    return true
  }
}

describe('requireTable()', () => {
  test('passes exactly what readTable() reads', () => {
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 40 }), (octets) => {
        expect(passes(Buffer.from(octets))).toBe(canBeRead(Buffer.from(octets)))
      }),
      { numRuns: 5_000 },
    )
  })

  test('stays within its end, whatever is behind it', () => {
    const octets = Buffer.from('\u0001aS\0\0\0\u0004text', 'latin1')
    expect(passes(octets)).toBe(true)
    for (let end = 1; end < octets.length; end++) expect(malformed(() => requireTable(octets, 0, end))).toBe(true)
  })

  test('refuses what is nested too deep, at once', () => {
    const nested = (depth: number): Buffer => {
      let table: FieldTable = {}
      for (let level = 0; level < Math.min(depth, MAX_DEPTH); level++) table = { a: table }
      const writer = new ByteWriter()
      writeTable(writer, table)
      let octets = Buffer.from(writer.bytes())
      for (let level = MAX_DEPTH; level < depth; level++) {
        const head = Buffer.from('\0\0\0\0\u0001aF', 'latin1')
        head.writeUInt32BE(octets.length + 3)
        octets = Buffer.concat([head, octets])
      }
      return octets.subarray(4)
    }
    expect(passes(nested(MAX_DEPTH))).toBe(true)
    expect(passes(nested(MAX_DEPTH + 1))).toBe(false)
    expect(passes(nested(10_000))).toBe(false)
  })

  test('passes all that writeTable() writes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 })
    const { table } = fc.letrec<{ table: FieldTable; value: FieldValue }>((tie) => ({
      table: fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: false }),
      value: fc.oneof(
        { maxDepth: 5 },
        text,
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('table'),
      ),
    }))
    fc.assert(
      fc.property(table, (each) => {
        const writer = new ByteWriter()
        writeTable(writer, each)
        expect(passes(Buffer.from(writer.bytes()).subarray(4))).toBe(true)
      }),
      { numRuns: 30 },
    )
  })
})
