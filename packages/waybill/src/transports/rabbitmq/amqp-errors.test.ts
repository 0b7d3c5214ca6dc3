import { expect, test } from 'vitest'
import { WaybillError } from '../../message/errors.ts'
import { connectError, connectErrors, operationError } from './amqp-errors.ts'
import { parseBrokerAddress } from './broker-address.ts'

const address = parseBrokerAddress('amqp://user:secret-word@broker:5672')

test('connectError() says why where Node gives one error for several IP addresses', () => {
  const native = new AggregateError([
    new Error('connect ECONNREFUSED ::1:5672'),
    new Error('connect ECONNREFUSED 127.0.0.1:5672'),
  ])
  const error = connectError(address, native)
  expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED', cause: native })
  expect(error.message).toContain('connect ECONNREFUSED ::1:5672, connect ECONNREFUSED 127.0.0.1:5672')
})

test('connectErrors() is the error of a single address', () => {
  const error = connectError(address, new Error('connect ETIMEDOUT'))
  expect(connectErrors([error])).toBe(error)
})

test('connectErrors() names the reason of each address, and a refusal outweighs an absence', () => {
  const away = connectError(address, new Error('connect ETIMEDOUT'))
  const refused = new WaybillError('WAYBILL_ACCESS_REFUSED', 'amqp://other:5672/ refused user user')
  const error = connectErrors([away, refused])
  expect(error).toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED', cause: { errors: [away, refused] } })
  expect(String(error)).toMatch(
    /amqp:\/\/broker:5672\/ cannot be reached.*; .*amqp:\/\/other:5672\/ refused user user\n/,
  )
  expect(connectErrors([away, away])).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
})

test('connectError() says that a certificate has expired, and what to do', () => {
  const native = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' })
  const error = connectError(address, native)
  expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED', cause: native })
  expect(error.message).toContain('not valid now (certificate has expired)')
  expect(error.cure).toContain('Renew the certificate')
})

test('operationError() tells a consumer time-out from a conflict of arguments', () => {
  const closed = (text: string) => Object.assign(new Error(`Channel closed by server: 406 ${text}`), { code: 406 })
  const late = operationError(
    'queue q',
    closed('"PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out. Timeout value used: 8000 ms"'),
  )
  expect(late).toMatchObject({
    code: 'WAYBILL_SUBSCRIPTION_LOST',
    cure: expect.stringContaining('consumerTimeout') as string,
  })
  const conflict = closed("\"PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q'\"")
  expect(operationError('queue q', conflict)).toMatchObject({ code: 'WAYBILL_TOPOLOGY_CONFLICT' })
})
