import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { parseNatsAddresses } from './nats-address.ts'
import { natsOptionsIn } from './nats-url.ts'

test.each([
  ['nats://localhost', [['nats://localhost:4222', 'localhost', 4222, false]]],
  [
    'nats://a:1, b:2,tls://c',
    [
      ['nats://a:1', 'a', 1, false],
      ['nats://b:2', 'b', 2, false],
      ['tls://c:4222', 'c', 4222, true],
    ],
  ],
  ['nats://a:80', [['nats://a:80', 'a', 80, false]]],
  ['nats://[::1]:5', [['nats://[::1]:5', '[::1]', 5, false]]],
])('parseNatsAddresses() reads %s', (url, expected) => {
  expect(parseNatsAddresses(url).map((each) => [each.text, each.hostname, each.port, each.tls])).toEqual(expected)
})

test('user and password are decoded, and never shown', () => {
  const [address] = parseNatsAddresses('nats://us%65r:p%40ss@host')
  expect(address).toMatchObject({ user: 'user', password: 'p@ss', text: 'nats://host:4222' })
})

test.each(['http://host', 'nats://', 'nats://host/path', 'nats://user:secret%@host', 'nats://user:secret@ho st'])(
  'parseNatsAddresses() refuses %s without telling a password',
  (url) => {
    let error: unknown
    try {
      parseNatsAddresses(url)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'WAYBILL_BAD_URL' })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('secret')
  },
)

test('natsOptionsIn() takes options behind the address, and refuses others', () => {
  expect(natsOptionsIn('nats://a,b?prefix=shop&ackWait=5s&sync=always')).toEqual({
    servers: 'nats://a,b',
    prefix: 'shop',
    ackWait: '5s',
    syncInterval: 'always',
  })
  expect(() => natsOptionsIn('nats://a?tls=yes')).toThrow(/tls; there are prefix/)
  expect(() => natsOptionsIn('nats://a?creds=/does/not/exist')).toThrow(/cannot be read/)
})
