import { expect, test } from 'vitest'
import { UsageError } from '../usage-error.ts'
import { headersOf, numberOf, selectionOf, whereOf, type DlqOptions } from './dlq-options.ts'

const NOW = Date.UTC(2026, 0, 2)

test('conditions are what was given, and times are instants or how long ago', () => {
  expect(whereOf({}, NOW)).toEqual({})
  expect(
    whereOf(
      { id: ['1', '2'], reason: ['poison'], text: 'x', since: '1d', before: '2026-01-01T12:00:00Z', parked: false },
      NOW,
    ),
  ).toEqual({
    id: ['1', '2'],
    reason: ['poison'],
    text: 'x',
    diedSince: new Date(Date.UTC(2026, 0, 1)),
    diedBefore: new Date(Date.UTC(2026, 0, 1, 12)),
    parked: false,
  })
})

test('everything is selected only when that is said', () => {
  expect(selectionOf({ all: true }, NOW)).toEqual({})
  expect(selectionOf({ all: true, parked: true }, NOW)).toEqual({ parked: true })
  expect(selectionOf({ type: ['a'] }, NOW)).toEqual({ type: ['a'] })
})

test.each<readonly [string, DlqOptions]>([
  ['nothing', {}],
  ['parked ones without --all', { parked: true }],
  ['--all beside a condition', { all: true, id: ['1'] }],
  ['a reason that there is not', { reason: ['bored'] }],
  ['a time that is none', { since: 'soon' }],
])('a selection of %s is refused', (_, options) => {
  expect(() => selectionOf(options, NOW)).toThrow(UsageError)
})

test('headers are set and taken away by name', () => {
  expect(headersOf({ header: ['a=1', 'b=x=y', 'c='], removeHeader: ['d'] })).toEqual({
    a: '1',
    b: 'x=y',
    c: '',
    d: undefined,
  })
  for (const header of ['a', '=1']) expect(() => headersOf({ header: [header] })).toThrow(UsageError)
})

test('numbers are numbers', () => {
  expect(numberOf('--limit', undefined)).toBeUndefined()
  expect(numberOf('--limit', '7', { least: 1 })).toBe(7)
  expect(numberOf('--rate', '0.5', { isWhole: false })).toBe(0.5)
  for (const text of ['', 'x', '0', '1.5', 'Infinity'])
    expect(() => numberOf('--limit', text, { least: 1 })).toThrow(UsageError)
})
