import * as fc from 'fast-check'
import { MESSAGE_KINDS } from './kind.ts'
import { NO_HEADERS, type WireMessage } from './wire-message.ts'

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
const instant = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const headerName = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,11}$/)
  .filter((name) => !/^(waybill-|ce-|B?CC$)/i.test(name))

/** Any message that Waybill may send. Names and texts of any Unicode, bodies of any bytes. */
export const anyMessage: fc.Arbitrary<WireMessage> = fc.record({
  id: text,
  source: text,
  type: text,
  kind: fc.constantFrom(...MESSAGE_KINDS),
  wireVersion: fc.constant(1),
  time: instant,
  schemaVersion: fc.integer({ min: 1, max: 1_000 }),
  contentType: fc.constantFrom(
    'application/json',
    'application/octet-stream',
    'text/plain; charset=utf-8',
    'image/png',
    '',
  ),
  replyTo: optional(text),
  correlationId: optional(text),
  causationId: optional(text),
  expiresAt: optional(instant),
  key: optional(text),
  sequence: optional(fc.nat()),
  traceparent: optional(fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')),
  tracestate: optional(fc.constant('vendor=value')),
  attempt: fc.integer({ min: 1, max: 100 }),
  headers: fc.oneof(fc.constant(NO_HEADERS), fc.dictionary(headerName, text, { maxKeys: 4 })),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json().map((json) => new TextEncoder().encode(json)),
    fc.string({ unit: 'binary' }).map((plain) => new TextEncoder().encode(plain)),
  ),
})

export function message(fields: Partial<WireMessage> = {}): WireMessage {
  return {
    id: '0192f0c1-0000-7000-8000-000000000001',
    source: '/checkout',
    type: 'orders.placed',
    kind: 'event',
    wireVersion: 1,
    time: Date.UTC(2026, 10, 20),
    schemaVersion: 1,
    contentType: 'application/json',
    replyTo: undefined,
    correlationId: undefined,
    causationId: undefined,
    expiresAt: undefined,
    key: undefined,
    sequence: undefined,
    traceparent: undefined,
    tracestate: undefined,
    attempt: 1,
    headers: NO_HEADERS,
    body: new TextEncoder().encode('{"id":"1"}'),
    ...fields,
  }
}
