import { expect, test } from 'vitest'
import { WaybillError } from '../message/errors.ts'
import { closedError, connectErrors, lostError } from './link-errors.ts'

const away = new WaybillError('WAYBILL_NOT_CONNECTED', 'one:5672 cannot be reached', { cure: 'Start it.' })
const refused = new WaybillError('WAYBILL_ACCESS_REFUSED', 'two:5672 refused user user')

test('connectErrors() is the error of a single address', () => {
  expect(connectErrors([away])).toBe(away)
})

test('connectErrors() names the reason of each address once, and a refusal outweighs an absence', () => {
  const error = connectErrors([away, refused])
  expect(error).toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED', cause: { errors: [away, refused] } })
  expect(error.message.replaceAll(/WAYBILL_\w+: |\n.*/gs, '')).toBe(
    'none of 2 addresses: one:5672 cannot be reached; two:5672 refused user user',
  )
  expect(connectErrors([away, away])).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
})

test('connectErrors() of no address at all', () => {
  expect(connectErrors([])).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
})

test('lostError() says which link was lost, unless the engine has said so itself', () => {
  expect(lostError('one:5672', new Error('reset'))).toMatchObject({
    code: 'WAYBILL_NOT_CONNECTED',
    message: expect.stringContaining('lost the link to one:5672: reset') as string,
  })
  expect(lostError('one:5672', away)).toBe(away)
})

test('closedError() says once that it is closed', () => {
  const error = closedError('Redis')
  expect(error).toMatchObject({ code: 'WAYBILL_CLOSED' })
  expect(closedError('Redis', error)).toBe(error)
})
