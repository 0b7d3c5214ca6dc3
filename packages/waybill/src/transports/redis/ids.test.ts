import { expect, test } from 'vitest'
import { compareIds, idBefore, isId } from './ids.ts'
import { startsOf } from './starts.ts'

test('compareIds() orders by time, then by a sequence of 64 bits', () => {
  const ids = ['10-0', '9-18446744073709551615', '9-18446744073709551614', '9-2', '9-10', '100-0']
  expect(ids.toSorted(compareIds)).toEqual(['9-2', '9-10', '9-18446744073709551614', '9-18446744073709551615', '10-0', '100-0']) // prettier-ignore
  expect(compareIds('7-7', '7-7')).toBe(0)
})

test('idBefore() is the last of all ids before it', () => {
  expect(idBefore('5-3')).toBe('5-2')
  expect(idBefore('5-0')).toBe('4-18446744073709551615')
  expect(idBefore('0-0')).toBe('0-0')
})

test('isId() knows an id from anything else', () => {
  expect(['1700000000000-0', '0-1', '5', '5-', '-5', 'a-b', '$'].map(isId)).toEqual([true, true, false, false, false, false, false]) // prettier-ignore
})

test('startsOf() begins with the end of now, the first, a time, or behind positions that must be there', () => {
  expect(startsOf('now', 2)).toEqual(['$', '$'])
  expect(startsOf('earliest', 2)).toEqual(['0-0', '0-0'])
  expect(startsOf({ time: 1_000 }, 1)).toEqual(['999-18446744073709551615'])
  // A shard that is not named begins behind the oldest of those named.
  expect(startsOf({ positions: { 0: '20-0', 2: '9-5' } }, 3)).toEqual(['=20-0', '9-5', '=9-5'])
  expect(() => startsOf({ positions: { 0: '$' } }, 1)).toThrow(/no position/)
})
