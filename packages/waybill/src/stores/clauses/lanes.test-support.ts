import { describe, expect, test } from 'vitest'
import { ALL, type Stand } from './stand.test-support.ts'

export function laneClauses<Tx>(at: Stand<Tx>): void {
  describe('lanes', () => {
    test('one relay takes all; another makes it give back its share', async () => {
      expect(await at.store.outbox.claimLanes('a', 32, 10_000)).toEqual(ALL)
      expect(await at.other.outbox.claimLanes('b', 16, 10_000)).toEqual([])
      expect(await at.store.outbox.countOwners()).toBe(2)
      const kept = await at.store.outbox.claimLanes('a', 16, 10_000)
      expect(kept.length).toBe(16)
      const taken = await at.other.outbox.claimLanes('b', 16, 10_000)
      expect([...kept, ...taken].sort((a, b) => a - b)).toEqual(ALL)
      await at.store.outbox.releaseLanes('a')
      expect(await at.other.outbox.countOwners()).toBe(1)
      expect(await at.other.outbox.claimLanes('b', 32, 10_000)).toEqual(ALL)
    })

    test('a dead relay loses its lanes when its lease runs out, by the clock of the database', async () => {
      expect(await at.store.outbox.claimLanes('dead', 32, 400)).toEqual(ALL)
      expect(await at.other.outbox.claimLanes('alive', 32, 10_000)).toEqual([])
      await expect.poll(() => at.other.outbox.claimLanes('alive', 32, 10_000), { timeout: 10_000 }).toEqual(ALL)
      expect(await at.other.outbox.countOwners()).toBe(1)
    })

    test('no lane is ever held by two, whoever claims at the same time', async () => {
      const claims = await Promise.all(
        Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? at.store : at.other).outbox.claimLanes(`r${n}`, 4, 10_000)),
      )
      expect(claims.flat().sort((a, b) => a - b)).toEqual(ALL)
      expect(claims.map(({ length }) => length)).toEqual(Array.from({ length: 8 }, () => 4))
    })
  })
}
