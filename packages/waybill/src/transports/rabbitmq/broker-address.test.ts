import { expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { parseBrokerAddress } from './broker-address.ts'

test('parseBrokerAddress() reads user, password, host, port and virtual host', () => {
  expect(parseBrokerAddress('amqps://me:s%40cret@broker.example:5679/my%2Fhost')).toEqual({
    text: 'amqps://broker.example:5679/my%2Fhost',
    protocol: 'amqps',
    hostname: 'broker.example',
    port: 5679,
    username: 'me',
    password: 's@cret',
    vhost: 'my/host',
  })
})

test('parseBrokerAddress() fills in what is left out', () => {
  expect(parseBrokerAddress('amqp://[::1]')).toMatchObject({
    hostname: '::1',
    port: 5672,
    username: 'guest',
    password: 'guest',
    vhost: '/',
  })
  expect(parseBrokerAddress('amqps://h/').port).toBe(5671)
})

test.each([
  'no url',
  'http://user:secret@h',
  'amqp://user:secret@',
  'amqp://user:secret@h/a/b',
  'amqp://user:secret@h?heartbeat=5',
  'amqp://user:sec%ret@h/',
  'amqp://user:secret@h:port/',
  'amqp://user:se/cret@h/',
  'amqp://user:12/secret@h',
])('parseBrokerAddress() refuses %s without showing a password', (url) => {
  const error = refusalOf(url)
  expect(isWaybillError(error, 'WAYBILL_BAD_URL')).toBe(true)
  expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toMatch(/se.?cret|sec%ret/)
})

function refusalOf(url: string): unknown {
  try {
    return parseBrokerAddress(url)
  } catch (error) {
    return error
  }
}
