import { describe, expect, test } from 'vitest'
import { EMPTY_TABLE, TypedField, type FieldTable } from '../wire/field-table.ts'
import { Exchange, type Destination, type Named } from './exchange.ts'
import type { RoutingType } from './matcher.ts'

const [one, two, three]: readonly [Named, Named, Named] = [{ name: 'one' }, { name: 'two' }, { name: 'three' }]

function exchangeOf(type: RoutingType): Exchange<Named> {
  return new Exchange<Named>({ name: 'x', type, durable: true, autoDelete: false, internal: false })
}

function matched(exchange: Exchange<Named>, key: string, headers: FieldTable = EMPTY_TABLE): readonly string[] {
  const found = new Set<Destination<Named>>()
  exchange.match(key, () => headers, found)
  return [...found].map(({ name }) => name).toSorted()
}

describe('match()', () => {
  test('of a direct exchange finds equal keys, each destination once', () => {
    const exchange = exchangeOf('direct')
    exchange.bind(one, 'a', EMPTY_TABLE)
    exchange.bind(two, 'a', EMPTY_TABLE)
    exchange.bind(two, 'a', { note: 'other arguments, another binding' })
    exchange.bind(three, 'b', EMPTY_TABLE)
    expect(matched(exchange, 'a')).toEqual(['one', 'two'])
    expect(matched(exchange, 'c')).toEqual([])
  })

  test('of a fanout exchange finds all, whatever the key', () => {
    const exchange = exchangeOf('fanout')
    exchange.bind(one, 'a', EMPTY_TABLE)
    exchange.bind(one, 'b', EMPTY_TABLE)
    exchange.bind(two, '', EMPTY_TABLE)
    expect(matched(exchange, 'z')).toEqual(['one', 'two'])
  })

  test.each<[string, FieldTable, FieldTable, boolean]>([
    ['all is the default', { a: '1', b: '2' }, { a: '1', b: '2', c: '3' }, true],
    ['all misses one', { a: '1', b: '2' }, { a: '1' }, false],
    ['all differs in one', { a: '1', b: '2' }, { a: '1', b: '3' }, false],
    ['any has one', { 'x-match': 'any', a: '1', b: '2' }, { b: '2' }, true],
    ['any has none', { 'x-match': 'any', a: '1' }, { b: '1' }, false],
    ['any of nothing', { 'x-match': 'any' }, { a: '1' }, false],
    ['all of nothing', { 'x-match': 'all' }, {}, true],
    ['x- arguments do not count', { 'x-match': 'all', 'x-other': '1', a: '1' }, { a: '1' }, true],
    ['x- arguments count with-x', { 'x-match': 'all-with-x', 'x-other': '1', a: '1' }, { a: '1' }, false],
    ['any-with-x', { 'x-match': 'any-with-x', 'x-other': '1' }, { 'x-other': '1' }, true],
    ['void asks for presence', { a: null }, { a: 'anything' }, true],
    ['void and absent', { a: null }, { b: 'anything' }, false],
    ['numbers of different widths are equal', { a: TypedField.number('I', 5) }, { a: TypedField.long('l', 5n) }, true],
    ['arrays are equal in all of theirs', { a: ['1', { b: null }] }, { a: ['1', { b: null }] }, true],
    ['arrays differ in one', { a: ['1', '2'] }, { a: ['1', '3'] }, false],
    ['octets are equal', { a: new Uint8Array([1, 2]) }, { a: new Uint8Array([1, 2]) }, true],
    ['a number is not its text', { a: TypedField.number('I', 5) }, { a: '5' }, false],
  ])('of a headers exchange: %s', (_, table, headers, matches) => {
    const exchange = exchangeOf('headers')
    exchange.bind(one, '', table)
    expect(matched(exchange, '', headers)).toEqual(matches ? ['one'] : [])
  })

  test('of a delayed exchange is that of the type it routes as', () => {
    const type = { type: 'x-delayed-message', delayedType: 'topic' } as const
    const exchange = new Exchange<Named>({ name: 'x', ...type, durable: true, autoDelete: false, internal: false })
    exchange.bind(one, 'a.*', EMPTY_TABLE)
    expect(matched(exchange, 'a.b')).toEqual(['one'])
  })
})

test('bind() and unbind() say what they changed: a binding is a destination, a key and arguments, in any order', () => {
  const exchange = exchangeOf('direct')
  expect(exchange.bind(one, 'k', { a: '1', b: '2' })).toMatchObject({ source: exchange, destination: one, key: 'k' })
  expect(exchange.bind(one, 'k', { b: '2', a: '1' })).toBeUndefined()
  expect(exchange.bind(one, 'k', { a: '1' })).toBeDefined()
  expect(exchange.unbind(one, 'other', EMPTY_TABLE)).toBeUndefined()
  expect(exchange.unbind(one, 'k', { a: '1' })).toBeDefined()
  expect(matched(exchange, 'k')).toEqual(['one'])
  const sameName = new Exchange<Named>({ ...exchange.definition, name: 'one' })
  expect(exchange.bind(sameName, 'k', { a: '1', b: '2' })).toBeDefined()
  expect(matched(exchange, 'k')).toEqual(['one', 'one'])
})
