import { expect, test } from 'vitest'
import { violationsIn, type Evidence } from './check.ts'
import type { Entry } from './ledger.ts'
import type { Step } from './workload.ts'

const asked: readonly Step[] = [0, 1, 2].map((n) => ({ key: 'k0', n }))
const entries = (...ns: readonly number[]): readonly Entry[] => ns.map((n, index) => ({ key: 'k0', n, id: index + 1 }))
const done: Evidence = {
  asked,
  books: { applied: entries(0, 1, 2), audited: entries(0, 1, 2) },
  totals: new Map([['k0', 3]]),
  left: { outbox: 0, deadLetters: 0 },
}

test('finds nothing where everything was done once and in order', () => {
  expect(violationsIn(done)).toEqual([])
})

test.each<[string, Partial<Evidence>, string]>([
  ['a step that is lost', { books: { ...done.books, applied: entries(0, 2) } }, 'k0/1 was never applied'],
  ['one that came twice', { books: { ...done.books, audited: entries(0, 1, 1, 2) } }, 'k0/1 was audited 2 times'],
  ['a wrong order', { books: { ...done.books, applied: entries(0, 2, 1) } }, 'k0/1 was applied after k0/2'],
  ['a write that was applied twice', { totals: new Map([['k0', 5]]) }, 'the total of k0 is 5, not 3'],
  ['a row that stays', { left: { outbox: 1, deadLetters: 0 } }, '1 rows are left in the outbox'],
  ['a dead letter that stays', { left: { outbox: 0, deadLetters: 2 } }, '2 dead letters are left'],
])('finds %s', (_name, change, sentence) => {
  expect(violationsIn({ ...done, ...change })).toContain(sentence)
})

test('a dead letter may come when it is redriven', () => {
  const broken = { key: 'k1', n: 8 }
  const evidence = {
    ...done,
    asked: [broken, { key: 'k1', n: 9 }],
    books: {
      applied: [
        { key: 'k1', n: 9, id: 1 },
        { ...broken, id: 2 },
      ],
      audited: [
        { key: 'k1', n: 9, id: 1 },
        { ...broken, id: 2 },
      ],
    },
    totals: new Map([['k1', 17]]),
  }
  expect(violationsIn(evidence)).toEqual([])
})
