import { describe, expect, test } from 'vitest'
import { clusterSettings } from './broker-address.ts'

describe('clusterSettings()', () => {
  test('reads several brokers, with and without a port', () => {
    expect(clusterSettings({ url: 'kafka://one:9093,two,[::1]:9094' }).addresses).toEqual([
      { host: 'one', port: 9093 },
      { host: 'two', port: 9092 },
      { host: '::1', port: 9094 },
    ])
    expect(clusterSettings({ brokers: ['one:1', 'two'] }).addresses).toEqual([
      { host: 'one', port: 1 },
      { host: 'two', port: 9092 },
    ])
  })

  test('reads login and TLS from the address', () => {
    const url = 'kafka://me%40here:p%2Fw%3A1@one:9093?tls=true&sasl=scram-sha-512'
    expect(clusterSettings({ url }).options).toMatchObject({
      tls: true,
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'me@here', password: 'p/w:1' },
    })
    expect(clusterSettings({ url: 'kafka://me:pw@one' }).options.sasl?.mechanism).toBe('PLAIN')
    const tls = { ca: 'pem' }
    expect(clusterSettings({ url: 'kafka://one?tls=true', tls }).options.tls).toEqual(tls)
  })

  test.each([
    'kafka://',
    'amqp://one',
    'kafka://one:0',
    'kafka://one:99999',
    'kafka://one?acks=1',
    'kafka://one?tls=yes',
    'kafka://me:secret@one?sasl=kerberos',
    'kafka://me:secr%et@one',
    'kafka://me:sec/ret@one',
  ])('refuses %s with WAYBILL_BAD_URL, and shows no password', (url) => {
    const read = (): unknown => clusterSettings({ url })
    expect(read).toThrow(expect.objectContaining({ code: 'WAYBILL_BAD_URL' }))
    expect(read).not.toThrow(/sec(r|\/ret)/)
  })

  test('refuses neither url nor brokers', () => {
    expect(() => clusterSettings({})).toThrow(expect.objectContaining({ code: 'WAYBILL_BAD_URL' }))
  })
})
