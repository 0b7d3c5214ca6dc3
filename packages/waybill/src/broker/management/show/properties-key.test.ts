import { expect, test } from 'vitest'
import { EMPTY_TABLE } from '../../wire/field-table.ts'
import { hasPropertiesKey, propertiesKey } from './properties-key.ts'

test.each([
  ['', '~'],
  ['a.b', 'a.b'],
  ['k~1 ö/x', 'k%7E1+%C3%B6%2Fx'],
  ['a.#', 'a.%23'],
])('propertiesKey() of %j is %j, as in RabbitMQ', (key, expected) => {
  expect(propertiesKey({ key, arguments: EMPTY_TABLE })).toBe(expected)
})

test('propertiesKey() tells bindings with different arguments apart', () => {
  const [one, other] = [{ a: 'x' }, { a: 'y' }].map((table) => propertiesKey({ key: 'k', arguments: table }))
  expect(one).toMatch(/^k~[\w-]{6}$/)
  expect(one).not.toBe(other)
})

test.each(['r+1%2Fx', 'r 1/x', 'r%201%2Fx', 'r+1/x'])(
  'hasPropertiesKey() knows a key as clients write it: %s',
  (text) => {
    expect(hasPropertiesKey({ key: 'r 1/x', arguments: EMPTY_TABLE }, text)).toBe(true)
    expect(hasPropertiesKey({ key: 'r2', arguments: EMPTY_TABLE }, text)).toBe(false)
    expect(hasPropertiesKey({ key: 'r 1/x', arguments: { a: 'x' } }, text)).toBe(false)
  },
)
