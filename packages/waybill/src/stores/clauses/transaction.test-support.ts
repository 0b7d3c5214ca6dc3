import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { ALL, row, type Stand } from './stand.test-support.ts'

export function transactionClauses<Tx>(at: Stand<Tx>): void {
  describe('transaction()', () => {
    test('commits what the user wrote, the inbox and the outbox together', async () => {
      const result = await at.store.transaction(async (tx) => {
        const session = at.store.within(tx)
        expect(await session.receive('shipping', ['m1'])).toEqual(new Set())
        await at.stage.write(tx, 'shipped')
        await session.enqueue([row('m2')])
        return 7
      })
      expect(result).toBe(7)
      expect(await at.stage.notes()).toEqual(['shipped'])
      expect(await at.idsIn()).toEqual(['m2'])
      await at.other.transaction(async (tx) => {
        expect(await at.other.within(tx).receive('shipping', ['m1'])).toEqual(new Set(['m1']))
      })
    })

    test('rolls all of it back, and rejects with the very error', async () => {
      const error = new Error('card declined')
      const failed = at.store.transaction(async (tx) => {
        const session = at.store.within(tx)
        await session.receive('shipping', ['m1'])
        await at.stage.write(tx, 'shipped')
        await session.enqueue([row('m2'), { ...row('m3'), dueAt: 1 }])
        await session.nextSequence('orders', 3)
        throw error
      })
      await expect(failed).rejects.toBe(error)
      expect(await at.stage.notes()).toEqual([])
      expect(await at.store.outbox.inspect()).toEqual({ waiting: 0, parked: 0, scheduled: 0, oldestMs: undefined })
      await at.store.transaction(async (tx) => {
        expect(await at.store.within(tx).receive('shipping', ['m1'])).toEqual(new Set())
        expect(await at.store.within(tx).nextSequence('orders', 1)).toBe(1)
      })
    })

    test('shows nothing to the relay before the commit', async () => {
      const gate = Promise.withResolvers<void>()
      const written = Promise.withResolvers<void>()
      const running = at.store.transaction(async (tx) => {
        await at.store.within(tx).enqueue([row('m1')])
        written.resolve()
        await gate.promise
      })
      await written.promise
      expect(await at.other.outbox.fetch(ALL, 0n, 10)).toEqual([])
      gate.resolve()
      await running
      expect(await at.idsIn()).toEqual(['m1'])
    })

    test('does not resolve when a statement of the user has failed and nobody said so, unless all is committed', async () => {
      const outcome = await at.store
        .transaction(async (tx) => {
          await at.stage.write(tx, 'before')
          await at.store.within(tx).receive('shipping', ['m1'])
          await at.stage.fail(tx).catch(() => undefined)
        })
        .then(
          () => 'committed',
          (error: unknown) => (isWaybillError(error) ? error.code : error),
        )
      const all = [outcome, await at.stage.notes()]
      expect([
        ['committed', ['before']],
        ['WAYBILL_DATABASE_FAILED', []],
      ]).toContainEqual(all)
    })

    test('runs many at a time', async () => {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          at.store.transaction(async (tx) => {
            await at.store.within(tx).receive('shipping', [`m${n}`])
            await at.stage.write(tx, `n${n}`)
            await at.store.within(tx).enqueue([row(`out${n}`)])
          }),
        ),
      )
      expect((await at.stage.notes()).length).toBe(50)
      expect((await at.idsIn()).length).toBe(50)
    })

    test('is refused when the store is not open', async () => {
      const closed = at.stage.store()
      const refused = await closed.transaction(async () => 1).catch((error: unknown) => error)
      expect(refused).toSatisfy((error) => isWaybillError(error, 'WAYBILL_CLOSED'))
    })
  })
}
