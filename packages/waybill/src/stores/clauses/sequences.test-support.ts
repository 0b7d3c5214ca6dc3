import { describe, expect, test } from 'vitest'
import type { Store } from '../../store/store.ts'
import { type Stand } from './stand.test-support.ts'

export function sequenceClauses<Tx>(at: Stand<Tx>): void {
  describe('sequences', () => {
    test('are given out without a gap, and wait for the commit of who was before', async () => {
      const take = (by: Store<Tx>, count: number): Promise<number> =>
        by.transaction((tx) => by.within(tx).nextSequence('orders', count))
      expect(await take(at.store, 3)).toBe(1)
      expect(await take(at.other, 1)).toBe(4)
      const given = await Promise.all(Array.from({ length: 20 }, (_, n) => take(n % 2 === 0 ? at.store : at.other, 2)))
      expect(given.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => 5 + 2 * n))
      expect(await at.store.transaction((tx) => at.store.within(tx).nextSequence('Orders', 1))).toBe(1)
    })

    test('the highest seen is answered as it was before', async () => {
      const observe = (sequence: number): Promise<number | undefined> =>
        at.store.transaction((tx) => at.store.within(tx).observeSequence('orders', sequence))
      expect(await observe(5)).toBeUndefined()
      expect(await observe(6)).toBe(5)
      expect(await observe(3)).toBe(6)
      expect(await observe(9_007_199_254_740_991)).toBe(6)
      expect(await observe(7)).toBe(9_007_199_254_740_991)
      expect(await at.store.transaction((tx) => at.store.within(tx).nextSequence('orders', 1))).toBe(1)
    })
  })
}
