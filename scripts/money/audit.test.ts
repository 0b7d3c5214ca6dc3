import { expect, test } from 'vitest'
import { ACCOUNTS, OPENING_BALANCE } from './accounts.ts'
import { faultsIn, type Books } from './audit.ts'

const sent = [{ id: 't1', from: 0, to: 1, amount: 7 }]
const balances = (...changes: readonly [number, number][]): ReadonlyMap<number, number> => {
  const all = new Map(Array.from({ length: ACCOUNTS }, (_, id) => [id, OPENING_BALANCE]))
  for (const [id, change] of changes) all.set(id, OPENING_BALANCE + change)
  return all
}
const right: Books = {
  sent,
  balances: balances([0, -7], [1, 7]),
  halves: { debits: ['t1'], credits: ['t1'] },
}

test('finds nothing where all is right', () => {
  expect(faultsIn(right)).toEqual([])
})

test.each<[string, Partial<Books>, string]>([
  ['money that is gone', { balances: balances([0, -7]) }, 'the total is 9999993, not 10000000'],
  ['money in a wrong account', { balances: balances([0, -7], [2, 7]) }, 'account 1 has 10000, not 10007'],
  ['a credit that came twice', { halves: { debits: ['t1'], credits: ['t1', 't1'] } }, 'credits: t1 was done 2 times'],
  ['a debit that is missing', { halves: { debits: [], credits: ['t1'] } }, 'debits: t1 was done 0 times'],
])('finds %s', (_name, change, sentence) => {
  expect(faultsIn({ ...right, ...change })).toContain(sentence)
})
