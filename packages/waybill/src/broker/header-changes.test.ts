import { describe, expect, test } from 'vitest'
import { withHeaders, withLongHeader, withoutExpiration } from './header-changes.ts'
import { TypedField } from './wire/field-table.ts'
import { decodeProperties, encodeProperties, type BasicProperties } from './wire/properties.ts'

const REST: BasicProperties = {
  contentType: 'text/plain',
  contentEncoding: 'gzip',
  deliveryMode: 2,
  priority: 3,
  correlationId: 'c',
  replyTo: 'r',
  messageId: 'm',
  timestamp: 5,
  type: 't',
  userId: 'u',
  appId: 'a',
  clusterId: 'k',
}
const HEADERS = { a: 'x', list: ['y', null] }

describe('withHeaders()', () => {
  test.each([{}, { headers: { other: true } }, { headers: {} }])('replaces or adds them: %j', (before) => {
    for (const rest of [{}, REST]) {
      const changed = withHeaders(encodeProperties({ ...rest, ...before }), HEADERS)
      expect(decodeProperties(changed)).toEqual({ ...rest, headers: HEADERS })
    }
  })

  test('leaves a correlation id that is no text as it is', () => {
    const id = Buffer.alloc(255, 0xff)
    const encoded = Buffer.concat([Buffer.of(0x04, 0, id.length), id])
    const changed = withHeaders(encoded, { a: true })
    expect(Buffer.from(changed).subarray(-id.length)).toEqual(id)
    expect(decodeProperties(changed).headers).toEqual({ a: true })
  })
})

describe('withLongHeader()', () => {
  test.each([{}, { headers: {} }, { headers: HEADERS }, { headers: { ...HEADERS, n: 'was text' } }])(
    'sets it: %j',
    (before) => {
      for (const rest of [{}, REST]) {
        const changed = withLongHeader(encodeProperties({ ...rest, ...before }), 'n', 7)
        expect(decodeProperties(changed)).toEqual({
          ...rest,
          headers: { ...before.headers, n: TypedField.long('l', 7n) },
        })
      }
    },
  )
})

describe('withoutExpiration()', () => {
  test.each([{}, REST, { ...REST, headers: HEADERS }, { replyTo: 'r' }])('takes it out of %j', (rest) => {
    expect(decodeProperties(withoutExpiration(encodeProperties({ ...rest, expiration: '60000' })))).toEqual(rest)
    expect(decodeProperties(withoutExpiration(encodeProperties(rest)))).toEqual(rest)
  })
})
