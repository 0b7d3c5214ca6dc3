import { expect, test } from 'vitest'
import { TypedField, type FieldTable } from './field-table.ts'
import { jsonTable, shownTable, tableJson } from './table-json.ts'

test('tableJson() shows every type of field', () => {
  const table: FieldTable = {
    text: 'ä',
    flag: true,
    nothing: null,
    bytes: new TextEncoder().encode('raw'),
    octet: TypedField.number('b', -1),
    long: TypedField.long('l', 5_000_000_000n),
    time: TypedField.long('T', 1_700_000_000n),
    half: TypedField.number('d', 0.5),
    infinite: TypedField.number('d', Infinity),
    decimal: TypedField.bytes('D', Uint8Array.of(2, 0, 0, 1, 0)),
    list: ['a', TypedField.number('I', 1), { deep: true }],
    ['__proto__']: 'own',
  }
  const shown = tableJson(table)
  expect(JSON.parse(JSON.stringify(shown))).toEqual({
    text: 'ä',
    flag: true,
    nothing: null,
    bytes: 'raw',
    octet: -1,
    long: 5_000_000_000,
    time: 1_700_000_000,
    half: 0.5,
    infinite: 'Infinity',
    decimal: 2.56,
    list: ['a', 1, { deep: true }],
    ['__proto__']: 'own',
  })
})

test('jsonTable() gives whole numbers 64 bits and others doubles', () => {
  expect({ ...jsonTable({ n: 1, f: 1.5, t: 'x', l: [1, null], o: { deep: false } }) }).toEqual({
    n: TypedField.long('l', 1n),
    f: TypedField.number('d', 1.5),
    t: 'x',
    l: [TypedField.long('l', 1n), null],
    o: { deep: false },
  })
})

test('shownTable() keeps nothing where there is nothing, or too much', () => {
  expect(shownTable({})).toEqual({})
  expect(shownTable({ a: 'b' })).toEqual({ declared: { a: 'b' } })
  expect(shownTable({ a: 'b'.repeat(5_000) })).toEqual({})
})
