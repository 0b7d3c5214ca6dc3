import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { ALL, row, runtime, type Stand } from './stand.test-support.ts'

export function openingClauses<Tx>(at: Stand<Tx>): void {
  describe('open()', () => {
    test('finds the tables, and looks alone with migrate: false', async () => {
      const looking = await at.opened({ migrate: false })
      expect(await looking.outbox.inspect()).toMatchObject({ waiting: 0 })
      await looking.close()
    })

    test('goes on with tables that a newer version has made for this one, too; and refuses others', async () => {
      await at.stage.run('UPDATE {}version SET version = 99')
      try {
        const running = await at.opened()
        await running.close()
        await at.stage.run('UPDATE {}version SET least = 98')
        await expect(at.opened()).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_STORE_VERSION'))
      } finally {
        await at.stage.run('UPDATE {}version SET version = 2, least = 1')
      }
    })

    test('brings tables of the first version up to date, also where that was broken off, and those who run go on', async () => {
      await at.enqueue(row('m1'))
      await at.stage.run('ALTER TABLE {}outbox DROP COLUMN since')
      await at.stage.run('DROP TABLE {}removed')
      await at.stage.run('UPDATE {}version SET version = 1')
      await expect(at.opened({ migrate: false })).rejects.toSatisfy((error) =>
        isWaybillError(error, 'WAYBILL_NOT_FOUND'),
      )
      await (await at.opened()).close()
      // What a database cannot undo is done again.
      if (at.store.name === 'mysql') await at.stage.run('UPDATE {}version SET version = 1')
      const upgraded = await at.opened()
      const [waiting] = await upgraded.outbox.fetch(ALL, 0n, 1)
      await upgraded.outbox.park(waiting?.position ?? 0n, 'no room')
      expect(await upgraded.outbox.operations.parked(0n, 9)).toMatchObject([{ message: { id: 'm1' } }])
      expect(await upgraded.outbox.operations.removed(undefined, 9)).toEqual([])
      await upgraded.close()
      expect(await at.store.outbox.inspect()).toMatchObject({ parked: 1 })
    })

    test('a store that two buses share is open until both have closed it', async () => {
      const shared = await at.opened()
      await shared.open(runtime, AbortSignal.timeout(10_000))
      await shared.close()
      expect(await shared.outbox.inspect()).toMatchObject({ waiting: 0 })
      await shared.close()
      await expect(shared.outbox.inspect()).rejects.toSatisfy((error) => isWaybillError(error, 'WAYBILL_CLOSED'))
    })
  })
}
