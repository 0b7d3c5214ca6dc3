import { expect, test } from 'vitest'
import { Ledger } from './ledger.ts'

test('verdict() tells the lost from the dead-lettered, the refused and the unknown', () => {
  const ledger = new Ledger()
  for (const [id, outcome] of [
    ['handled', 'accepted'],
    ['buried', 'accepted'],
    ['lost', 'accepted'],
    ['refused', 'refused'],
    ['unseen', 'unknown'],
    ['seen', 'unknown'],
  ] as const)
    // prettier-ignore
    ledger.sent(id, outcome)
  ledger.handled('handled')
  ledger.handled('seen')
  ledger.deadLettered('buried')
  expect(ledger.missing).toBe(1)
  expect(ledger.verdict()).toEqual({
    lost: ['lost'],
    unknownUnseen: ['unseen'],
    duplicates: new Map(),
    strangers: [],
    disorder: [],
  })
})

test('verdict() counts duplicates and names what nobody sent', () => {
  const ledger = new Ledger()
  ledger.sent('a', 'accepted')
  for (const id of ['a', 'a', 'a', 'stranger']) ledger.handled(id)
  const { duplicates, strangers } = ledger.verdict()
  expect([...duplicates]).toEqual([['a', 3]])
  expect(strangers).toEqual(['stranger'])
})

test('verdict() judges the order of first handlings, key by key', () => {
  const ledger = new Ledger()
  for (const id of ['a1', 'a2', 'a3', 'b1', 'b2']) ledger.sending(id, id.charAt(0))
  // A redelivery repeats a suffix of a: allowed. b is handled out of order.
  for (const id of ['a1', 'a2', 'a1', 'a2', 'b2', 'a3', 'b1']) ledger.handled(id)
  expect(ledger.verdict().disorder).toEqual(['b: b1 after b2'])
})

test('a message that was refused, then accepted under the same id, is confirmed', () => {
  const ledger = new Ledger()
  ledger.sent('a', 'refused')
  ledger.sent('a', 'accepted')
  expect(ledger.confirmed).toBe(1)
  expect(ledger.verdict().lost).toEqual(['a'])
})
