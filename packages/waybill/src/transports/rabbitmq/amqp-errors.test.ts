import { expect, test } from 'vitest'
import { connectError, operationError } from './amqp-errors.ts'
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
