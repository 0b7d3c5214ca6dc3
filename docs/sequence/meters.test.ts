import { DatabaseSync } from 'node:sqlite'
import { sqliteStore } from 'waybill/stores'
import { testBus } from 'waybill/testing'
import { expect, test } from 'vitest'
import { archive, meters } from './meters.ts'

test('a reading that failed for good is missed by the next one', async () => {
  const database = new DatabaseSync(':memory:')
  database.exec('create table readings (meter text, value int check (value >= 0))')
  const store = sqliteStore(database)
  const missed: string[] = []
  await using bus = await testBus({
    services: [archive(store, (meter, count) => missed.push(`${meter} ${count}`))],
    store,
    rethrow: false,
  })
  for (const value of [1, -2, -3, 4, 5])
    await store.transaction((tx) => bus.in(tx).publish(meters.read, { meter: 'm', value }))
  await bus.settle()
  expect(missed).toEqual(['m 1', 'm 2']) // when -3 came, and when 4 came
  expect(database.prepare('select value from readings').all()).toMatchObject([{ value: 1 }, { value: 4 }, { value: 5 }])
})
