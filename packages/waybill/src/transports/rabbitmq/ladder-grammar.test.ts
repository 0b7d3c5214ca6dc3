import { expect, test } from 'vitest'
import { bitPattern, destinationPattern, ladderEntry, MAX_DELAY_MS, RUNGS } from './ladder-grammar.ts'

test('ladderEntry() rounds up to the unit, and enters at the highest bit', () => {
  expect([1, 100, 101, 250, 800, MAX_DELAY_MS].map((ms) => ladderEntry('q', ms)?.rung)).toEqual([0, 0, 1, 1, 3, 23])
  expect(ladderEntry('q', 250)?.routingKey).toBe(`${'0.'.repeat(22)}1.1.q`)
})

test('ladderEntry() makes the destination one word, and no two the same', () => {
  expect(ladderEntry('orders.place%2E*#:x', 1)?.routingKey.split('.').slice(RUNGS)).toEqual([
    'orders%2Eplace%252E%2A%23:x',
  ])
})

test('ladderEntry() is undefined beyond the longest delay and the longest name', () => {
  expect(ladderEntry('q', MAX_DELAY_MS + 1)).toBeUndefined()
  expect(ladderEntry('q', Infinity)).toBeUndefined()
  expect(ladderEntry('q', NaN)).toBeUndefined()
  expect(ladderEntry('q'.repeat(207), 1)).toBeDefined()
  expect(ladderEntry('q'.repeat(208), 1)).toBeUndefined()
})

test('bitPattern() and destinationPattern() look at their own word of the key', () => {
  expect(bitPattern(23, 1)).toBe('1.#')
  expect(bitPattern(21, 0)).toBe('*.*.0.#')
  expect(destinationPattern('a.b')).toBe(`${'*.'.repeat(24)}a%2Eb`)
})
