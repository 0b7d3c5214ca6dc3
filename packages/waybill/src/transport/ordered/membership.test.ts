import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Membership } from './membership.ts'

test('members that know each other share out every shard once, evenly', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 64 }),
      (ids, shards) => {
        const parts = ids.map((self) => {
          const membership = new Membership(self)
          for (const id of ids) membership.add(id)
          return membership.shardsOf(shards)
        })
        expect(parts.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: shards }, (_, n) => n))
        const sizes = parts.map((part) => part.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      },
    ),
  )
})

test('each member is watched by exactly one other', () => {
  const ids = ['c', 'a', 'b']
  const watched = ids.map((self) => {
    const membership = new Membership(self)
    for (const id of ids) membership.add(id)
    return membership.watched
  })
  expect(new Set(watched)).toEqual(new Set(ids))
  expect(new Membership('a').watched).toBeUndefined()
})

test('toAsk() comes to every other member in as many rounds as there are others, the watched one in each', () => {
  const membership = new Membership('b')
  for (const id of ['a', 'c', 'd', 'e']) membership.add(id)
  const rounds = [0, 1, 2, 3].map((round) => membership.toAsk(round))
  expect(new Set(rounds.flat())).toEqual(new Set(['a', 'c', 'd', 'e']))
  for (const asked of rounds) expect(asked[0]).toBe('c')
  expect(new Membership('a').toAsk(0)).toEqual([])
})

test('a member does not remove itself', () => {
  const membership = new Membership('a')
  expect([membership.remove('a'), membership.add('b'), membership.add('b'), membership.remove('b')]).toEqual([
    false, true, false, true,
  ]) // prettier-ignore
  expect(membership.members).toEqual(['a'])
})
