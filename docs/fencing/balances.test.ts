import { DatabaseSync } from 'node:sqlite'
import { createBus, embedded } from 'waybill'
import { expect, test } from 'vitest'
import { ledger, payments } from './balances.ts'

test('a balance has the fencing token of its writer, and takes no write with a smaller one', async () => {
  const database = new DatabaseSync(':memory:')
  database.exec('create table balances (account text primary key, balance int, fencing int)')
  const bus = await createBus({ transport: embedded({ memory: true }), services: [ledger(database)], drainOn: [] })
  const balances = () => database.prepare('select account, balance, fencing from balances').all()
  await bus.publish(payments.booked, { account: 'a', balance: 1 })
  await expect.poll(balances).toMatchObject([{ account: 'a', balance: 1 }])
  const fencing = Number(balances()[0]?.['fencing'])
  expect(fencing).toBeGreaterThan(0)

  // As if another member had become the owner, and written.
  database.exec(`update balances set balance = 2, fencing = ${fencing + 1}`)
  await bus.publish(payments.booked, { account: 'a', balance: 3 })
  await bus.drain()
  expect(balances()).toMatchObject([{ account: 'a', balance: 2 }])
})
