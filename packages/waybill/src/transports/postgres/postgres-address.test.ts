import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { parsePostgresUrl } from './postgres-address.ts'
import { postgresOptionsIn } from './postgres-url.ts'

describe('parsePostgresUrl()', () => {
  test('reads user, password, host, port and database', () => {
    expect(parsePostgresUrl('postgres://shop:s%40fe@db.internal:6000/orders')).toEqual([
      { text: 'postgres://db.internal:6000/orders', hostname: 'db.internal', port: 6000, database: 'orders', user: 'shop', password: 's@fe' },
    ]) // prettier-ignore
  })

  test('reads several hosts of one cluster, each with its own port', () => {
    const found = parsePostgresUrl('postgresql://shop@a,b:5433,[::1]:5434/orders')
    expect(found.map(({ hostname, port, user }) => [hostname, port, user])).toEqual([
      ['a', 5432, 'shop'],
      ['b', 5433, 'shop'],
      ['::1', 5434, 'shop'],
    ])
  })

  test('the default database has the name of the user, or is postgres', () => {
    expect(parsePostgresUrl('postgres://shop@a')[0]?.database).toBe('shop')
    expect(parsePostgresUrl('postgres://a')[0]?.database).toBe('postgres')
  })

  test('a password with @, / and ? that was not encoded is still not shown', () => {
    expect(parsePostgresUrl('postgres://u:p@s/s?w@host/db')[0]).toMatchObject({ password: 'p@s/s?w', hostname: 'host' })
    for (const url of ['postgres://u:secret@:70000/db', 'mysql://u:secret@host', 'postgres://u:%secret@host:99999']) {
      const thrown = (() => {
        try {
          return parsePostgresUrl(url)
        } catch (error) {
          return error
        }
      })()
      expect(isWaybillError(thrown, 'WAYBILL_BAD_URL'), url).toBe(true)
      expect(String(thrown)).not.toContain('secret')
    }
  })
})

describe('postgresOptionsIn()', () => {
  test('reads the parameters behind an address', () => {
    expect(postgresOptionsIn('postgres://u:p?w@a/db?schema=shop&lease=5s&migrate=false')).toEqual({
      url: 'postgres://u:p?w@a/db',
      schema: 'shop',
      lease: '5s',
      migrate: false,
    })
  })

  test('refuses one that it does not know', () => {
    expect(() => postgresOptionsIn('postgres://a/db?sslmode=require')).toThrow(/parameter sslmode; there are schema/)
  })
})
