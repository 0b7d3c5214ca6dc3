import { describe, expect, test } from 'vitest'
import type { Store } from '../../store/store.ts'
import { runtime, type Stand } from './stand.test-support.ts'

export function inboxClauses<Tx>(at: Stand<Tx>): void {
  describe('receive()', () => {
    const receive = (by: Store<Tx>, group: string, ...keys: readonly string[]): Promise<readonly string[]> =>
      by.transaction(async (tx) => [...(await by.within(tx).receive(group, keys))].sort())

    test('tells which of many were handled before, for each group by itself', async () => {
      expect(await receive(at.store, 'a', 'k1', 'k2')).toEqual([])
      expect(await receive(at.store, 'a', 'k0', 'k1', 'k2', 'k3')).toEqual(['k1', 'k2'])
      expect(await receive(at.store, 'b', 'k1', 'k0')).toEqual([])
      expect(await receive(at.store, 'a')).toEqual([])
      expect(await receive(at.store, 'a', 'k9', 'k9')).toEqual([])
      expect(await receive(at.store, 'a', 'k9', 'k9')).toEqual(['k9'])
    })

    test('takes keys for what they are: case, blanks, any letters, any length', async () => {
      const keys = [
        'a',
        'A',
        'a ',
        ' a',
        'ä',
        'a\u0308',
        'ß',
        'ss',
        '\u{1F600}',
        "'; --",
        '\\',
        'a\0',
        'a\0b',
        '%',
        '"',
      ]
      keys.push('x'.repeat(256), 'x'.repeat(257), 'ü'.repeat(255), '\u{1F600}'.repeat(10_000))
      for (const key of keys) expect(await receive(at.store, 'g', key), key.slice(0, 300)).toEqual([])
      expect(await receive(at.store, 'g', ...keys, 'new')).toEqual([...keys].sort())
      expect(await receive(at.store, 'G', 'a')).toEqual([])
      expect(await receive(at.store, 'ü'.repeat(2_000), 'a')).toEqual([])
      expect(await receive(at.store, 'ü'.repeat(2_000), 'a')).toEqual(['a'])
    })

    test.each(['commits', 'rolls back'])('of two at a time, the second waits until the first %s', async (end) => {
      const gate = Promise.withResolvers<void>()
      const written = Promise.withResolvers<void>()
      const first = at.store.transaction(async (tx) => {
        await at.store.within(tx).receive('g', ['k1', 'k2'])
        written.resolve()
        await gate.promise
        if (end === 'rolls back') throw new Error(end)
      })
      await written.promise
      let hasAnswer = false
      const second = receive(at.other, 'g', 'k2', 'k3').then((before) => {
        hasAnswer = true
        return before
      })
      // That something does not happen can only be waited for.
      await new Promise<void>((resolve) => void runtime.setTimer(100, resolve))
      expect(hasAnswer).toBe(false)
      gate.resolve()
      await first.catch(() => undefined)
      expect(await second).toEqual(end === 'commits' ? ['k2'] : [])
    })

    test('of overlapping batches in any order, each key is new to exactly one, and none is a deadlock', async () => {
      const keys = Array.from({ length: 2_000 }, (_, n) => `k${n}`)
      const taken: string[] = []
      await Promise.all(
        Array.from({ length: 12 }, async (_, n) => {
          const by = n % 2 === 0 ? at.store : at.other
          const mine = n % 3 === 0 ? keys.toReversed() : [...keys.slice(n), ...keys.slice(0, n)]
          const fresh = await by.transaction(async (tx) => {
            const before = await by.within(tx).receive('g', mine)
            return mine.filter((key) => !before.has(key))
          })
          taken.push(...fresh)
        }),
      )
      expect(taken.sort()).toEqual([...keys].sort())
    })

    test('forgetReceived() deletes what is older than the retention, so many at a time', async () => {
      const brief = await at.opened({ inboxRetention: '1s' })
      expect(brief.inboxRetentionMs).toBe(1_000)
      await receive(at.store, 'g', 'k1', 'k2', 'k3')
      expect(await at.store.forgetReceived(10)).toBe(0)
      await expect.poll(() => brief.forgetReceived(2), { timeout: 10_000 }).toBe(2)
      expect(await brief.forgetReceived(2)).toBe(1)
      expect(await receive(at.store, 'g', 'k1')).toEqual([])
      await brief.close()
    })
  })
}
