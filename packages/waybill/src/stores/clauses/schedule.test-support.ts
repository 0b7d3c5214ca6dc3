import { describe, expect, test } from 'vitest'
import { message } from '../../transport/fixtures.test-support.ts'
import { ALL, orders, row, runtime, type Stand } from './stand.test-support.ts'

export function scheduleClauses<Tx>(at: Stand<Tx>): void {
  describe('the schedule', () => {
    const ago = (ms: number): number => runtime.now() - ms

    test('moves what is due, oldest first, and tells when the next is', async () => {
      await at.enqueue(
        { ...row('later'), dueAt: runtime.now() + 60_000 },
        { ...row('second', { key: 'k' }), dueAt: ago(1_000) },
        { ...row('first', { key: 'k' }), dueAt: ago(2_000) },
      )
      expect(await at.idsIn()).toEqual([])
      expect(await at.store.outbox.inspect()).toMatchObject({ waiting: 0, scheduled: 3 })
      expect(await at.store.outbox.moveDue(1)).toMatchObject({ moved: 1, nextInMs: 0 })
      const { moved, nextInMs } = await at.store.outbox.moveDue(10)
      expect(moved).toBe(1)
      expect(nextInMs).toBeGreaterThan(50_000)
      expect(nextInMs).toBeLessThanOrEqual(60_000)
      expect(await at.idsIn()).toEqual(['first', 'second'])
      expect(await at.store.outbox.inspect()).toMatchObject({ waiting: 2, scheduled: 1 })
    })

    test('says that there is nothing', async () => {
      expect(await at.store.outbox.moveDue(10)).toEqual({ moved: 0, nextInMs: undefined })
    })

    test('keeps one of an id, and takes it back in the transaction of the user', async () => {
      const far = runtime.now() + 60_000
      await at.enqueue(
        { ...row('m1'), dueAt: far, scheduleId: 'reminder' },
        { ...row('m2'), dueAt: far, scheduleId: 'reminder' },
      )
      await at.enqueue({ ...row('m3'), dueAt: ago(10), scheduleId: 'reminder' }, { ...row('m4'), dueAt: far })
      expect(await at.store.outbox.inspect()).toMatchObject({ scheduled: 2 })
      expect(await at.store.outbox.moveDue(10)).toMatchObject({ moved: 0 })
      const rolledBack = at.store.transaction(async (tx) => {
        expect(await at.store.within(tx).cancel(['reminder', 'unknown'])).toBe(1)
        throw new Error('no')
      })
      await expect(rolledBack).rejects.toThrow('no')
      expect(await at.store.outbox.inspect()).toMatchObject({ scheduled: 2 })
      expect(await at.other.transaction((tx) => at.other.within(tx).cancel(['reminder']))).toBe(1)
      expect(await at.other.transaction((tx) => at.other.within(tx).cancel(['reminder']))).toBe(0)
      expect(await at.store.outbox.inspect()).toMatchObject({ scheduled: 1 })
    })

    test('what comes again has an id of its due time, and comes once for all that was missed', async () => {
      const due = Math.floor(ago(10_500))
      const every = { dueAt: due, scheduleId: 'daily', everyMs: 1_000 }
      await at.enqueue({ message: message('m1', { key: 'k', expiresAt: due + 300 }), to: orders, ...every })
      const { moved, nextInMs } = await at.store.outbox.moveDue(10)
      expect(moved).toBe(1)
      expect(nextInMs).toBeLessThanOrEqual(1_000)
      const [occurrence] = await at.store.outbox.fetch(ALL, 0n, 10)
      const [, dueAt] = occurrence?.message.id.split('@') ?? []
      expect(occurrence?.message).toMatchObject({
        id: `m1@${dueAt}`,
        time: Number(dueAt),
        key: 'k',
        expiresAt: Number(dueAt) + 300,
      })
      expect((Number(dueAt) - due) % 1_000).toBe(0)
      expect(Number(dueAt)).toBeGreaterThanOrEqual(due + 10_000)
      await expect.poll(async () => (await at.store.outbox.moveDue(10)).moved, { timeout: 5_000 }).toBe(1)
      const [, next] = await at.store.outbox.fetch(ALL, 0n, 10)
      expect(next?.message.id).toBe(`m1@${Number(dueAt) + 1_000}`)
      expect(next?.message.expiresAt).toBe(Number(dueAt) + 1_300)
      expect(await at.store.transaction((tx) => at.store.within(tx).cancel(['daily']))).toBe(1)
      expect(await at.store.outbox.moveDue(10)).toEqual({ moved: 0, nextInMs: undefined })
    })

    test('two that move at the same time move each once', async () => {
      await at.enqueue(...Array.from({ length: 100 }, (_, n) => ({ ...row(`m${n}`), dueAt: ago(1_000 + n) })))
      const moves = await Promise.all([1, 2, 3, 4].map((n) => (n % 2 === 0 ? at.store : at.other).outbox.moveDue(40)))
      while ((await at.store.outbox.moveDue(40)).moved > 0) expect(moves.length).toBe(4)
      const ids = await at.idsIn()
      expect(ids.length).toBe(100)
      expect(new Set(ids).size).toBe(100)
    })
  })
}
