import { describe, expect, test } from 'vitest'
import { EMPTY_TABLE, TypedField, type FieldTable } from '../wire/field-table.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeType } from './matcher.ts'

interface Named {
  readonly name: string
}
const [one, two, three]: readonly [Named, Named, Named] = [{ name: 'one' }, { name: 'two' }, { name: 'three' }]

function exchangeOf(type: ExchangeType): Exchange<Named> {
  return new Exchange<Named>({ name: 'x', type, durable: true, autoDelete: false, internal: false })
}

const names = (found: readonly Named[]): readonly string[] => found.map(({ name }) => name).toSorted()
const noHeaders = (): FieldTable => EMPTY_TABLE

describe('route()', () => {
  test('of a direct exchange finds equal keys, each destination once', () => {
    const exchange = exchangeOf('direct')
    exchange.bind(one, 'a', EMPTY_TABLE)
    exchange.bind(two, 'a', EMPTY_TABLE)
    exchange.bind(two, 'a', { note: 'other arguments, another binding' })
    exchange.bind(three, 'b', EMPTY_TABLE)
    expect(names(exchange.route('a', noHeaders))).toEqual(['one', 'two'])
    expect(names(exchange.route('c', noHeaders))).toEqual([])
  })

  test('of a fanout exchange finds all, whatever the key', () => {
    const exchange = exchangeOf('fanout')
    exchange.bind(one, 'a', EMPTY_TABLE)
    exchange.bind(one, 'b', EMPTY_TABLE)
    exchange.bind(two, '', EMPTY_TABLE)
    expect(names(exchange.route('z', noHeaders))).toEqual(['one', 'two'])
  })

  test.each(['direct', 'fanout', 'topic'] as const)('of a %s exchange notices every change of the bindings', (type) => {
    const exchange = exchangeOf(type)
    exchange.bind(one, 'k', EMPTY_TABLE)
    expect(names(exchange.route('k', noHeaders))).toEqual(['one'])
    exchange.bind(two, 'k', EMPTY_TABLE)
    expect(names(exchange.route('k', noHeaders))).toEqual(['one', 'two'])
    exchange.unbind(one, 'k', EMPTY_TABLE)
    expect(names(exchange.route('k', noHeaders))).toEqual(['two'])
  })

  test('remembers no more routing keys than it says', () => {
    const exchange = exchangeOf('topic')
    exchange.bind(one, '#', EMPTY_TABLE)
    for (let key = 0; key < 5_000; key++) expect(names(exchange.route(`k.${key}`, noHeaders))).toEqual(['one'])
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
    ['a number is not its text', { a: TypedField.number('I', 5) }, { a: '5' }, false],
  ])('of a headers exchange: %s', (_, table, headers, matches) => {
    const exchange = exchangeOf('headers')
    exchange.bind(one, '', table)
    expect(names(exchange.route('', () => headers))).toEqual(matches ? ['one'] : [])
  })

  test('of a headers exchange is not remembered by key', () => {
    const exchange = exchangeOf('headers')
    exchange.bind(one, '', { a: '1' })
    expect(names(exchange.route('k', () => ({ a: '1' })))).toEqual(['one'])
    expect(names(exchange.route('k', () => ({ a: '2' })))).toEqual([])
  })
})

test('bind() says whether the binding is new: by destination, key and arguments, in any order', () => {
  const exchange = exchangeOf('direct')
  expect(exchange.bind(one, 'k', { a: '1', b: '2' })).toBe(true)
  expect(exchange.bind(one, 'k', { b: '2', a: '1' })).toBe(false)
  expect(exchange.bind(one, 'k', { a: '1' })).toBe(true)
  expect(exchange.unbind(one, 'other', EMPTY_TABLE)).toBe(false)
  expect(exchange.unbind(one, 'k', { a: '1' })).toBe(true)
  expect(names(exchange.route('k', noHeaders))).toEqual(['one'])
})
