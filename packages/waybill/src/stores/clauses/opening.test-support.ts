import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { runtime, type Stand } from './stand.test-support.ts'

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
        await at.stage.run('UPDATE {}version SET version = 1, least = 1')
      }
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
