import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { MESSAGE_KINDS } from '../../message/kind.ts'
import { NO_HEADERS, type WireMessage } from '../../message/wire-message.ts'
import { fromProperties, toProperties } from './message-mapping.ts'
import { formatTime, parseTime } from '../../message/rfc3339.ts'

const body = new TextEncoder().encode('{"id":"1"}')
const message: WireMessage = {
  id: '01990000-0000-7000-8000-000000000001',
  source: '/checkout',
  type: 'orders.placed',
  kind: 'event',
  wireVersion: 1,
  time: Date.UTC(2026, 10, 20, 14, 9, 9, 123),
  schemaVersion: 1,
  contentType: 'application/json',
  replyTo: undefined,
  correlationId: 'c-1',
  causationId: undefined,
  expiresAt: undefined,
  key: undefined,
  sequence: undefined,
  traceparent: undefined,
  tracestate: undefined,
  attempt: 1,
  headers: NO_HEADERS,
  body,
}

describe('toProperties()', () => {
  test('writes what a CloudEvents reader requires, and what an ordinary AMQP client shows', () => {
    expect(toProperties(message, true, undefined)).toEqual({
      contentType: 'application/json',
      headers: {
        'cloudEvents:specversion': '1.0',
        'cloudEvents:id': message.id,
        'cloudEvents:source': '/checkout',
        'cloudEvents:type': 'orders.placed',
        'cloudEvents:time': '2026-11-20T14:09:09.123Z',
        'waybill-kind': 'event',
        'waybill-wire-version': '1',
      },
      deliveryMode: 2,
      correlationId: 'c-1',
      replyTo: undefined,
      expiration: undefined,
      messageId: message.id,
      timestamp: Date.UTC(2026, 10, 20, 14, 9, 9) / 1_000,
      type: 'orders.placed',
      appId: '/checkout',
    })
  })

  test('rounds a time to live up, so that nothing expires early', () => {
    expect(toProperties(message, false, 1_000.2)).toMatchObject({ expiration: '1001', deliveryMode: 1 })
    expect(toProperties(message, false, -5)).toMatchObject({ expiration: '0' })
  })
})

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

describe('fromProperties()', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).filter((text) => !text.startsWith('waybill-'))
  const instant = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })
  const anyMessage: fc.Arbitrary<WireMessage> = fc.record({
    id: fc.uuid(),
    source: fc.string({ unit: 'grapheme', minLength: 1 }),
    type: fc.string({ unit: 'grapheme', minLength: 1 }),
    kind: fc.constantFrom(...MESSAGE_KINDS),
    wireVersion: fc.integer({ min: 1, max: 5_000 }),
    time: instant,
    schemaVersion: fc.integer({ min: 1, max: 5_000 }),
    contentType: fc.constantFrom('', 'application/json', 'text/plain; charset=utf-8'),
    replyTo: maybe(fc.string()),
    correlationId: maybe(fc.string()),
    causationId: maybe(fc.string()),
    expiresAt: maybe(instant),
    key: maybe(fc.string({ unit: 'grapheme' })),
    sequence: maybe(fc.maxSafeNat()),
    traceparent: maybe(fc.string()),
    tracestate: maybe(fc.string()),
    attempt: fc.integer({ min: 1, max: 5_000 }),
    headers: fc.dictionary(name, fc.string({ unit: 'grapheme' }), { noNullPrototype: true }),
    body: fc.constant(body),
  })

  test('reads back every field that toProperties() wrote', () => {
    fc.assert(
      fc.property(anyMessage, (original) => {
        expect(fromProperties(toProperties(original, true, undefined), body)).toEqual(original)
      }),
    )
  })

  test('takes a bare message for a foreign document', () => {
    expect(fromProperties({}, body)).toEqual({
      ...message,
      id: '', source: '', type: '', kind: 'document', wireVersion: 0, time: 0, contentType: '', correlationId: undefined,
    }) // prettier-ignore
  })

  test("takes an ordinary client's properties, and turns its header values to text", () => {
    const read = fromProperties(
      {
        messageId: 'm-1',
        type: 'invoice',
        appId: 'billing',
        timestamp: 1_700_000_000,
        headers: { n: 42, yes: true, bytes: Buffer.from('é'), table: { a: [1n, Buffer.from('b')] }, nil: null },
      },
      body,
    )
    expect(read).toMatchObject({
      id: 'm-1',
      type: 'invoice',
      source: 'billing',
      time: 1_700_000_000_000,
      wireVersion: 0,
    })
    expect(read.headers).toEqual({ n: '42', yes: 'true', bytes: 'é', table: '{"a":["1","b"]}', nil: 'null' })
  })

  test("reads another language's CloudEvent", () => {
    const headers = { 'cloudEvents:specversion': '1.0', 'cloudEvents:id': 'e-1', 'cloudEvents:source': '/x', 'cloudEvents:type': 't', 'cloudEvents:time': '2026-11-20T15:09:09+01:00', 'cloudEvents:subject': 's' } // prettier-ignore
    const read = fromProperties({ headers, contentType: 'text/plain' }, body)
    expect(read).toMatchObject({
      id: 'e-1',
      source: '/x',
      type: 't',
      kind: 'document',
      time: Date.UTC(2026, 10, 20, 14, 9, 9),
    })
    expect(read.headers).toEqual({ 'cloudEvents:subject': 's' })
  })

  test("does not take our headers' nonsense for truth, nor the broker's notes for the user's", () => {
    const headers = { 'waybill-wire-version': 'x', 'waybill-kind': 'gift', 'waybill-attempt': '-3', 'cloudEvents:time': 'soon', 'cloudEvents:expirytime': 'never', 'x-delivery-count': 2, 'x-death': [{}] } // prettier-ignore
    expect(fromProperties({ headers }, body)).toMatchObject({
      wireVersion: 0, kind: 'document', attempt: 1, time: 0, expiresAt: undefined, headers: {},
    }) // prettier-ignore
  })
})

describe('formatTime()', () => {
  test('is what Date prints, and parseTime() reads it back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), { maxLength: 4 }), (instants) => {
        for (const ms of instants) {
          expect(formatTime(ms)).toBe(new Date(ms).toISOString())
          expect(parseTime(formatTime(ms))).toBe(ms)
        }
      }),
    )
  })
})
