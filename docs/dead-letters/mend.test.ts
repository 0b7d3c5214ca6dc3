import { service } from 'waybill'
import { testBus } from 'waybill/testing'
import { expect, test } from 'vitest'
import { mend, payments, report } from './mend.ts'

test('letters are reported, mended on their way, and handled', async () => {
  const charged: string[] = []
  const till = service('till').on(
    payments.charged,
    ({ currency, id }) => {
      if (currency !== 'EUR') throw new Error(`unknown currency ${currency}`)
      charged.push(id)
    },
    { retry: { attempts: 1 } },
  )
  await using bus = await testBus({ rethrow: false, services: [till] })
  for (const id of ['a', 'b', 'c']) await bus.publish(payments.charged, { id, currency: 'eur', cents: 100 })
  await bus.settle()
  const lines = await report(bus)
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatch(/: failed \(attempt 1\): unknown currency eur$/)
  const mending = mend(bus, new AbortController().signal)
  for (let n = 0; n < 5; n++) await bus.advance('100ms')
  expect(await mending).toBe(3)
  expect(charged).toEqual(['a', 'b', 'c'])
  expect(await report(bus)).toEqual([])
})
