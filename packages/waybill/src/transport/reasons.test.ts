import { expect, test } from 'vitest'
import { WaybillError } from '../message/errors.ts'
import { Reasons } from './reasons.ts'

test('isNew() tells equal reasons once, by code and text', () => {
  const reasons = new Reasons()
  const away = (): Error => new WaybillError('WAYBILL_NOT_CONNECTED', 'no')
  const refused = new WaybillError('WAYBILL_ACCESS_REFUSED', 'no')
  expect([away(), refused, away(), new Error('no'), refused].map((each) => reasons.isNew(each))).toEqual([
    true,
    true,
    false,
    true,
    false,
  ])
  reasons.clear()
  expect(reasons.isNew(away())).toBe(true)
})

test('isNew() keeps so many reasons, and forgets the oldest', () => {
  const reasons = new Reasons()
  for (let n = 0; n < 33; n++) expect(reasons.isNew(new Error(String(n)))).toBe(true)
  expect([1, 32, 0].map((n) => reasons.isNew(new Error(String(n))))).toEqual([false, false, true])
})
