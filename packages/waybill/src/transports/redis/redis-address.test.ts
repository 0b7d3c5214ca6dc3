import { expect, test } from 'vitest'
import { parseRedisAddresses } from './redis-address.ts'
import { redisOptionsIn } from './redis-url.ts'

test('parseRedisAddresses() reads user, password, port and database, and shows no password', () => {
  const [address] = parseRedisAddresses('rediss://shop:a%20b@host:6380/2')
  expect(address).toEqual({
    text: 'rediss://host:6380/2', hostname: 'host', port: 6380, tls: true, user: 'shop', password: 'a b', database: 2,
  }) // prettier-ignore
})

test('parseRedisAddresses() reads several, those behind the first as hosts alone, and IPv6', () => {
  const addresses = parseRedisAddresses('rediss://a, b:7000,redis://[::1]')
  expect(addresses.map(({ hostname, port, tls }) => [hostname, port, tls])).toEqual([
    ['a', 6379, true],
    ['b', 7000, true],
    ['::1', 6379, false],
  ])
})

test.each(['http://a', 'redis://', 'redis://a/x', 'redis://a?b=c', 'redis://:%zz@a', ''])('%j is no address', (url) => {
  expect(() => parseRedisAddresses(url)).toThrow(expect.objectContaining({ code: 'WAYBILL_BAD_URL' }) as Error)
})

test('an address that cannot be read is told without its password', () => {
  expect(() => parseRedisAddresses('redis://shop:se@cret@a/x')).toThrow(/^(?!.*cret)/)
})

test('redisOptionsIn() takes options from parameters, and names those that there are', () => {
  expect(redisOptionsIn('redis://a,b?prefix=shop&lease=5s&maxLength=10')).toEqual({
    url: 'redis://a,b',
    prefix: 'shop',
    lease: '5s',
    maxLength: 10,
  })
  expect(() => redisOptionsIn('redis://a?pre=x')).toThrow(/prefix, ca, lease/)
  expect(() => redisOptionsIn('redis://a?ca=/nowhere')).toThrow(expect.objectContaining({ code: 'WAYBILL_BAD_URL' }) as Error) // prettier-ignore
})
