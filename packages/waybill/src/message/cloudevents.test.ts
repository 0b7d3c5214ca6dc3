import { HTTP, type CloudEvent } from 'cloudevents'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromAttributes, toAttributes } from './cloudevents.ts'
import { ENVELOPE_CONTENT_TYPE, fromEnvelope, toEnvelope } from './cloudevents-envelope.ts'
import { anyMessage, message } from './message-arbitrary.test-support.ts'
import { NO_HEADERS, type WireMessage } from './wire-message.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const bytes = (body: Uint8Array): number[] => [...body]
const comparable = (one: WireMessage): unknown => ({ ...one, headers: { ...one.headers }, body: bytes(one.body) })

/** What the CloudEvents project's own SDK reads in our envelope. */
const sdkReads = (envelope: Uint8Array): CloudEvent<unknown> =>
  HTTP.toEvent({
    headers: { 'content-type': ENVELOPE_CONTENT_TYPE },
    body: new TextDecoder().decode(envelope),
  }) as CloudEvent<unknown>

describe('toAttributes() and fromAttributes()', () => {
  it('give back every message', () => {
    fc.assert(
      fc.property(anyMessage, (one) => {
        expect(comparable(fromAttributes(toAttributes(one), one.headers, one.body))).toEqual(comparable(one))
      }),
    )
  })

  it('write names of lower-case letters and digits only (CloudEvents, Attribute Naming)', () => {
    fc.assert(
      fc.property(anyMessage, (one) => {
        for (const name of Object.keys(toAttributes(one))) expect(name).toMatch(/^[a-z0-9]{1,20}$/)
      }),
    )
  })

  it('are read by the CloudEvents SDK in HTTP binary mode', () => {
    const one = message({ key: 'k', sequence: 7, correlationId: 'c', attempt: 2, headers: {} })
    const { datacontenttype, ...rest } = toAttributes(one)
    const headers = Object.fromEntries(Object.entries(rest).map(([name, value]) => [`ce-${name}`, value]))
    const event = HTTP.toEvent({
      headers: { ...headers, 'content-type': datacontenttype },
      body: '{"id":"1"}',
    }) as CloudEvent<unknown>
    expect(event.validate()).toBe(true)
    expect(event).toMatchObject({
      id: one.id,
      source: one.source,
      type: one.type,
      time: '2026-11-20T00:00:00.000Z',
      datacontenttype: 'application/json',
      data: { id: '1' },
      partitionkey: 'k',
      correlationid: 'c',
    })
  })

  it('read a foreign producer: wire version 0, a document, its extensions kept as headers', () => {
    const read = fromAttributes(
      { specversion: '1.0', id: 'a', source: '/b', type: 'c', time: '2026-11-20T01:00:00+01:00', comexample: 'x' },
      { own: 'y' },
      utf8('hello'),
    )
    expect(read).toMatchObject({ wireVersion: 0, kind: 'document', schemaVersion: 1, attempt: 1, contentType: '' })
    expect(read.time).toBe(Date.UTC(2026, 10, 20))
    expect(read.headers).toEqual({ comexample: 'x', own: 'y' })
  })

  it.each(['id', 'source', 'type', 'specversion'])('refuse an event without %s', (name) => {
    const attributes = { specversion: '1.0', id: 'a', source: '/b', type: 'c', [name]: '' }
    expect(() => fromAttributes(attributes, NO_HEADERS, utf8(''))).toThrow(
      expect.objectContaining({ code: 'WAYBILL_MALFORMED' }),
    )
  })

  it('refuse another major version', () => {
    expect(() =>
      fromAttributes({ specversion: '2.0', id: 'a', source: '/b', type: 'c' }, NO_HEADERS, utf8('')),
    ).toThrow(/specversion is "2.0"/)
  })

  it('do not take nonsense for a number or an instant', () => {
    const attributes = { specversion: '1.0', id: 'a', source: '/b', type: 'c' }
    const nonsense = { sequence: '1e3', waybillattempt: '-1', waybillwireversion: 'x', time: 'soon', expirytime: 'x' }
    expect(fromAttributes({ ...attributes, ...nonsense }, NO_HEADERS, utf8(''))).toMatchObject({
      sequence: undefined,
      attempt: 1,
      wireVersion: 0,
      time: 0,
      expiresAt: undefined,
    })
  })
})

describe('toEnvelope() and fromEnvelope()', () => {
  it('give back every message, the body byte by byte', () => {
    fc.assert(
      fc.property(anyMessage, (one) => {
        expect(comparable(fromEnvelope(toEnvelope(one)))).toEqual(comparable(one))
      }),
      { numRuns: 500 },
    )
  })

  it.each(['1.0', '{"n":12345678901234567890}', ' {}', '{"a":1,"a":2}', 'null', 'not JSON', '"text"', '[1]'])(
    'keep the JSON body %s byte by byte',
    (json) => {
      expect(bytes(fromEnvelope(toEnvelope(message({ body: utf8(json) }))).body)).toEqual(bytes(utf8(json)))
    },
  )

  it('are read by the CloudEvents SDK: JSON as a value, text as a string, bytes from base64', () => {
    const json = sdkReads(toEnvelope(message({ key: 'k' })))
    expect(json.validate()).toBe(true)
    expect(json).toMatchObject({ id: message().id, data: { id: '1' }, partitionkey: 'k' })
    const text = sdkReads(toEnvelope(message({ contentType: 'text/plain', body: utf8('grüß dich') })))
    expect(text.data).toBe('grüß dich')
    const binary = sdkReads(toEnvelope(message({ contentType: 'image/png', body: Uint8Array.of(0, 255, 128) })))
    expect(bytes(binary.data as Uint8Array)).toEqual([0, 255, 128])
  })

  it('read what the CloudEvents SDK writes', async () => {
    const { CloudEvent } = await import('cloudevents')
    const event = new CloudEvent({
      id: 'a',
      source: '/b',
      type: 'c',
      data: { n: 1 },
      datacontenttype: 'application/json',
    })
    const read = fromEnvelope(utf8(HTTP.structured(event).body as string))
    expect(read).toMatchObject({ id: 'a', source: '/b', type: 'c', contentType: 'application/json', wireVersion: 0 })
    expect(new TextDecoder().decode(read.body)).toBe('{"n":1}')
    const binary = new CloudEvent({
      source: '/b',
      type: 'c',
      data: Uint8Array.of(1, 2, 255),
      datacontenttype: 'image/png',
    })
    expect(bytes(fromEnvelope(utf8(HTTP.structured(binary).body as string)).body)).toEqual([1, 2, 255])
  })

  it.each([
    ['not JSON', 'nope'],
    ['an array', '[]'],
    ['an attribute with a structure', '{"specversion":"1.0","id":"a","source":"b","type":"c","x":{}}'],
    [
      'headers that are no texts',
      '{"specversion":"1.0","id":"a","source":"b","type":"c","waybillheaders":"{\\"a\\":1}"}',
    ],
    ['a data_base64 that is no text', '{"specversion":"1.0","id":"a","source":"b","type":"c","data_base64":1}'],
  ])('refuse %s', (_what, text) => {
    expect(() => fromEnvelope(utf8(text))).toThrow(expect.objectContaining({ code: 'WAYBILL_MALFORMED' }))
  })

  it('refuse bytes that are not UTF-8', () => {
    expect(() => fromEnvelope(Uint8Array.of(0x7b, 0xff, 0x7d))).toThrow(
      expect.objectContaining({ code: 'WAYBILL_MALFORMED' }),
    )
  })
})
