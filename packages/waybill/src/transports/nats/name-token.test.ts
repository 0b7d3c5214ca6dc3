import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { nameToken } from './name-token.ts'

test('nameToken() leaves plain names, and shows dots', () => {
  expect(['orders', 'orders.place', 'a_b-c', 'größe'].map(nameToken)).toEqual([
    'orders',
    'orders==place',
    'a_b-c',
    'gr=c3=b6=c3=9fe',
  ])
})

test('two names never have one token, and each is one token of a subject, a stream and a key', () => {
  const name = fc.string({
    unit: fc.constantFrom('a', '2', 'e', '.', '=', '_', '-', ' ', 'ö', '*', '>', '/', '+', ':'),
  })
  fc.assert(
    fc.property(name, name, (a, b) => {
      fc.pre(a !== '' && b !== '')
      expect(nameToken(a) === nameToken(b)).toBe(a === b)
      expect(nameToken(a)).toMatch(/^[\w=-]+$/)
    }),
    { numRuns: 2_000 },
  )
})

test('a long name is cut, and still told from others', () => {
  const [one, other] = ['ö'.repeat(49) + 'a', 'ö'.repeat(49) + 'b'].map(nameToken)
  expect(one?.length).toBeLessThanOrEqual(110)
  expect(one).not.toBe(other)
})
