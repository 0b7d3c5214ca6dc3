import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EMPTY_TABLE } from '../wire/field-table.ts'
import type { Binding } from './matcher.ts'
import { TopicMatcher } from './topic-matcher.ts'

const noHeaders = (): typeof EMPTY_TABLE => EMPTY_TABLE

function bindingOf(key: string): Binding<string> {
  return { key, arguments: EMPTY_TABLE, destination: key }
}

function matching(keys: readonly string[], routingKey: string): readonly string[] {
  const matcher = new TopicMatcher<string>()
  for (const key of keys) matcher.add(bindingOf(key))
  const found = new Set<string>()
  matcher.match(routingKey, noHeaders, found)
  return [...found].toSorted()
}

/** The rule, word by word, without any thought of speed. */
function naive(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') return naive(rest, words) || (words.length > 0 && naive(pattern, words.slice(1)))
  return words.length > 0 && (first === '*' || first === words[0]) && naive(rest, words.slice(1))
}

const split = (key: string): readonly string[] => (key === '' ? [] : key.split('.'))

describe('TopicMatcher', () => {
  test.each([
    ['*', 'a', true],
    ['*', '', false],
    ['*', 'a.b', false],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['a.#', 'a', true],
    ['a.#', 'ab', false],
    ['#.c', 'c', true],
    ['*.*', '.', true],
    ['a..b', 'a..b', true],
    ['a.*.b', 'a..b', true],
    ['#.a.#', 'b.a.a.c', true],
    ['', '', true],
    ['a', 'a.', false],
  ])('match(): binding %j, routing key %j: %j', (pattern, routingKey, matches) => {
    expect(matching([pattern], routingKey)).toEqual(matches ? [pattern] : [])
  })

  const word = fc.constantFrom('a', 'b', '', 'long')
  const patternWord = fc.oneof(word, fc.constantFrom('*', '#'))
  const keyOf = (words: readonly string[]): string => words.join('.')

  test('match() agrees with the rule for any bindings and key', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.array(patternWord, { maxLength: 5 }).map(keyOf), { maxLength: 12 }),
        fc.array(word, { maxLength: 6 }).map(keyOf),
        (patterns, routingKey) => {
          const expected = patterns.filter((pattern) => naive(split(pattern), split(routingKey))).toSorted()
          expect(matching(patterns, routingKey)).toEqual(expected)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('remove() leaves exactly the other bindings', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.array(patternWord, { maxLength: 4 }).map(keyOf), { minLength: 1, maxLength: 10 }),
        fc.array(word, { maxLength: 4 }).map(keyOf),
        (patterns, routingKey) => {
          const matcher = new TopicMatcher<string>()
          const bindings = patterns.map(bindingOf)
          for (const binding of bindings) matcher.add(binding)
          const [gone, ...kept] = bindings
          if (gone !== undefined) matcher.remove(gone)
          const found = new Set<string>()
          matcher.match(routingKey, noHeaders, found)
          const expected = kept.map(({ key }) => key).filter((key) => naive(split(key), split(routingKey)))
          expect([...found].toSorted()).toEqual(expected.toSorted())
        },
      ),
    )
  })

  test('match() of a key of many words under many # stays quick', () => {
    const pattern = Array.from({ length: 12 }, () => '#').join('.a.')
    const routingKey = Array.from({ length: 100 }, () => 'a').join('.')
    // Backtracking would take longer than the universe has; the test's own time limit is the judge.
    expect(matching([`${pattern}.nothing`], routingKey)).toEqual([])
  })
})
