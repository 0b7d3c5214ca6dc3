import { DatabaseSync } from 'node:sqlite'
import { sqliteStore } from 'waybill/stores'
import { testBus } from 'waybill/testing'
import { expect, test } from 'vitest'
import { checkout } from './checkout.ts'
import { payments, till } from './till.ts'

test('an order is charged once, whatever comes twice, and its event leaves with the charge', async () => {
  const database = new DatabaseSync(':memory:')
  database.exec('create table charges (order_id text primary key, cents int); create table orders (id text)')
  const store = sqliteStore(database)
  await using bus = await testBus({ services: [till(store)], store })
  bus.faults.crashBeforeAck(payments.charge) // the process "dies" after the commit, before it acknowledges
  bus.faults.duplicate(payments.charge)
  await checkout(bus, store, 'order-1')
  await bus.settle()
  expect(database.prepare('select * from charges').all()).toMatchObject([{ order_id: 'order-1', cents: 1999 }])
  expect(await bus.sent(payments.charged)).toHaveLength(1)
  expect(bus.subscription('till', payments.charge)).toMatchObject({ handled: 3, duplicates: 2 })
})

test('a checkout that fails sends nothing', async () => {
  const database = new DatabaseSync(':memory:')
  const store = sqliteStore(database) // there is no table of orders
  await using bus = await testBus({ services: [till(store)], store })
  await expect(checkout(bus, store, 'order-1')).rejects.toThrow(/orders/)
  await bus.settle()
  expect(await bus.sent(payments.charge)).toEqual([])
})
