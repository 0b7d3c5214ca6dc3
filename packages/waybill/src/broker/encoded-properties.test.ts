import { describe, expect, test } from 'vitest'
import { findHeader, integerAt, stringsAt, withLong, withReplyTo, withoutHeader } from './encoded-properties.ts'
import { TypedField, type FieldTable } from './wire/field-table.ts'
import { decodeProperties, encodeProperties, type BasicProperties } from './wire/properties.ts'

/** A header of each type before the one that is looked for. */
const EVERY_TYPE: FieldTable = {
  text: 'a',
  flag: true,
  nothing: null,
  bytes: new Uint8Array([1, 2]),
  int8: TypedField.number('b', -1),
  uint8: TypedField.number('B', 1),
  int16: TypedField.number('s', -1),
  uint16: TypedField.number('u', 1),
  int32: TypedField.number('I', -1),
  uint32: TypedField.number('i', 1),
  int64: TypedField.long('l', -1n),
  float: TypedField.number('f', 1.5),
  double: TypedField.number('d', 1.5),
  time: TypedField.long('T', 1n),
  decimal: TypedField.bytes('D', new Uint8Array(5)),
  list: ['a', ['b']],
  table: { CC: 'not this one' },
}

const EVERY_PROPERTY: BasicProperties = {
  contentType: 'text/plain',
  contentEncoding: 'gzip',
  headers: EVERY_TYPE,
  deliveryMode: 2,
  priority: 3,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '10',
  messageId: 'm',
  timestamp: 5,
  type: 't',
  userId: 'u',
  appId: 'a',
  clusterId: 'k',
}

const withHeaders = (headers: FieldTable): BasicProperties => ({ ...EVERY_PROPERTY, headers })

describe('findHeader()', () => {
  test('finds a header behind those of every type, whatever other properties there are', () => {
    for (const rest of [EVERY_PROPERTY, { headers: {} }, { contentType: 'x' }, { contentEncoding: 'x', priority: 1 }]) {
      const properties = encodeProperties({ ...rest, headers: { ...EVERY_TYPE, CC: ['a', 'b'] } })
      const place = findHeader(properties, 'CC')
      expect(place && stringsAt(properties, place)).toEqual(['a', 'b'])
    }
  })

  test('finds nothing where there is nothing, or no end to it', () => {
    expect(findHeader(encodeProperties({ contentType: 'CC' }), 'CC')).toBeUndefined()
    expect(findHeader(encodeProperties(EVERY_PROPERTY), 'CC')).toBeUndefined()
    expect(findHeader(new Uint8Array(0), 'CC')).toBeUndefined()
    const whole = encodeProperties({ headers: { a: 'text', CC: ['k'] } })
    for (let end = 0; end < whole.length; end++) expect(findHeader(whole.subarray(0, end), 'CC')).toBeUndefined()
  })
})

test('stringsAt() passes over what is no string, and takes nothing but an array', () => {
  const properties = encodeProperties({ headers: { CC: ['é', TypedField.number('I', 5), 'b', null], BCC: 'a' } })
  const [cc, bcc] = [findHeader(properties, 'CC'), findHeader(properties, 'BCC')]
  expect(cc && stringsAt(properties, cc)).toEqual(['é', 'b'])
  expect(bcc && stringsAt(properties, bcc)).toBeUndefined()
})

test('integerAt() reads whole numbers of every width, and nothing else', () => {
  const read = Object.keys(EVERY_TYPE).map((name) => {
    const properties = encodeProperties(EVERY_PROPERTY)
    const place = findHeader(properties, name)
    return place && integerAt(properties, place)
  })
  const none = Array.from<undefined>({ length: 6 }).fill(undefined)
  expect(read).toEqual([...none.slice(0, 4), -1, 1, -1, 1, -1, 1, -1, ...none])
})

test('withoutHeader() and withLong() change one header and nothing else', () => {
  const others = { a: '1', z: TypedField.number('I', 9) }
  const { a, z } = others
  const properties = encodeProperties(withHeaders({ a, 'x-delay': TypedField.number('s', 5), z }))
  const place = findHeader(properties, 'x-delay')
  if (place === undefined) throw new Error('not found')
  expect(withoutHeader(properties, place)).toEqual(Buffer.from(encodeProperties(withHeaders({ a, z }))))
  expect(withLong(properties, place, -7)).toEqual(
    Buffer.from(encodeProperties(withHeaders({ a, 'x-delay': TypedField.long('l', -7n), z }))),
  )
})

test('withReplyTo() changes the reply-to and nothing else', () => {
  for (const rest of [EVERY_PROPERTY, {}, { headers: EVERY_TYPE }, { priority: 1, correlationId: 'x', appId: 'y' }]) {
    const changed = withReplyTo(encodeProperties({ ...rest, replyTo: 'short' }), 'a longer name')
    expect(decodeProperties(changed)).toEqual(decodeProperties(encodeProperties({ ...rest, replyTo: 'a longer name' })))
  }
  expect(() => withReplyTo(encodeProperties({ priority: 1 }), 'x')).toThrow(TypeError)
})
