import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as v from 'valibot'
import { z } from 'zod'
import { message } from '../message/message-arbitrary.test-support.ts'
import type { WireMessage } from '../message/wire-message.ts'
import { binary, command, contract, event, query, type, upcast, type AnyContracted } from './contract.ts'
import { decode } from './decode.ts'
import { encode } from './encode.ts'
import { MAX_ISSUES, type InvalidMessageError } from './validate.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const code = (expected: string): unknown => expect.objectContaining({ code: expected })

/** `body` as it arrives when it was sent as `one`. */
const wireOf = (one: AnyContracted, body: Uint8Array, fields: Partial<WireMessage> = {}): WireMessage =>
  message({ type: one.type, kind: one.kind, schemaVersion: one.version, contentType: one.contentType, body, ...fields })

const sent = async (one: AnyContracted, body: unknown): Promise<WireMessage> =>
  wireOf(one, (await encode(one, body)).body)

const thrownBy = (fn: () => unknown): unknown => {
  try {
    fn()
  } catch (error) {
    return error
  }
  throw new Error('it did not throw')
}

const careless = (body: { a: { b: string } }): string => body.a.b

const order = z.object({ id: z.string(), amount: z.number().int(), at: z.coerce.date() })
const orders = contract('orders', {
  placed: event(order),
  place: command(v.object({ id: v.string(), n: v.optional(v.number(), 7) })),
  checked: event(z.object({ id: z.string().refine(async (id) => id !== 'taken', 'is taken') })),
  anything: event(type<unknown>()),
  image: event(binary('image/png')),
  bytes: event(binary()),
  quote: query(z.object({ sku: z.string() }), z.object({ price: z.number() })),
})

describe('encode() and decode()', () => {
  it('give back every JSON body', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        const encoded = encode(orders.anything, body) as { body: Uint8Array } // its schema is not asynchronous
        // Through JSON, as -0 becomes 0.
        expect(decode(orders.anything, wireOf(orders.anything, encoded.body))).toEqual(JSON.parse(JSON.stringify(body)))
      }),
    )
  })

  it('pass bytes on without a copy', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        const encoded = encode(orders.bytes, body) as { body: Uint8Array; contentType: string }
        expect(encoded.body).toBe(body)
        expect(encoded.contentType).toBe('application/octet-stream')
        expect(decode(orders.bytes, wireOf(orders.bytes, body))).toBe(body)
      }),
    )
  })

  it('write the input and hand out the output of the schema', async () => {
    const at = new Date(0)
    expect(decode(orders.placed, await sent(orders.placed, { id: '1', amount: 1, at }))).toEqual({
      id: '1',
      amount: 1,
      at,
    })
    expect(decode(orders.place, await sent(orders.place, { id: '1' }))).toEqual({ id: '1', n: 7 })
  })

  it('make no promise where the schema is synchronous', () => {
    const encoded = encode(orders.place, { id: '1' })
    expect(encoded).not.toBeInstanceOf(Promise)
    expect(decode(orders.place, wireOf(orders.place, utf8('{"id":"1"}')))).not.toBeInstanceOf(Promise)
  })

  it('wait for an asynchronous schema', async () => {
    const encoded = encode(orders.checked, { id: 'free' })
    expect(encoded).toBeInstanceOf(Promise)
    expect(await decode(orders.checked, wireOf(orders.checked, (await encoded).body))).toEqual({ id: 'free' })
    await expect(encode(orders.checked, { id: 'taken' })).rejects.toThrow(/orders.checked: id: is taken/)
    await expect(decode(orders.checked, wireOf(orders.checked, utf8('{"id":"taken"}')))).rejects.toThrow(
      code('WAYBILL_INVALID_MESSAGE'),
    )
  })
})

describe('encode()', () => {
  it('refuses a body that does not match, saying where', () => {
    expect(() => encode(orders.placed, { id: 1, amount: 1.5, at: 0 })).toThrow(code('WAYBILL_INVALID_MESSAGE'))
    expect(() => encode(orders.placed, { id: 1, amount: 1.5, at: 0 })).toThrow(/orders\.placed: id: .*; amount: /)
  })

  it.each([undefined, () => 1, Symbol('s')])('refuses %s, which JSON cannot express', (body) => {
    expect(() => encode(orders.anything, body)).toThrow(TypeError)
  })

  it('refuses text as a binary body', () => {
    expect(() => encode(orders.image, 'png')).toThrow(TypeError)
  })
})

describe('decode()', () => {
  it('refuses a body that does not match', () => {
    const wire = wireOf(orders.placed, utf8('{"id":"1","amount":"secret-4711","at":0}'))
    expect(() => decode(orders.placed, wire)).toThrow(code('WAYBILL_INVALID_MESSAGE'))
    expect(() => decode(orders.placed, wire)).not.toThrow(/4711/)
  })

  it('lists a bounded number of issues with bounded paths and texts', () => {
    const one = contract('x', {
      y: event(z.array(z.object({ deep: z.record(z.string(), z.string({ error: 'm'.repeat(999) })) }))),
    }).y
    const body = JSON.stringify(Array.from({ length: 1_000 }, () => ({ deep: { ['k'.repeat(500)]: 1 } })))
    const error = thrownBy(() => decode(one, wireOf(one, utf8(body))))
    const { issues, message: text } = error as InvalidMessageError
    expect(issues).toHaveLength(MAX_ISSUES)
    expect(issues[2]?.path).toMatch(/^\[2\]\.deep\.k+…$/)
    expect(issues[2]?.path).toHaveLength(200)
    expect(issues[2]?.message).toHaveLength(200)
    expect(text).toContain(`and ${1_000 - MAX_ISSUES} more`)
  })

  it.each([
    ['cut off', utf8('{"id":'), /the 6 bytes of .* are not JSON/],
    ['empty', utf8(''), /are not JSON/],
    ['not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /are not UTF-8/],
  ])('refuses JSON that is %s, showing nothing of it', (_what, body, text) => {
    expect(() => decode(orders.anything, wireOf(orders.anything, body))).toThrow(code('WAYBILL_MALFORMED'))
    expect(() => decode(orders.anything, wireOf(orders.anything, body))).toThrow(text)
  })

  it('does not quote malformed JSON, not in the cause either', () => {
    const error = thrownBy(() => decode(orders.anything, wireOf(orders.anything, utf8('secret-4711')))) as Error
    expect(String(error)).not.toContain('secret')
    expect(error.cause).toBeUndefined()
  })

  it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/vnd.acme.order+json', 'text/json'])(
    'reads JSON of content type %s',
    (contentType) => {
      expect(decode(orders.anything, wireOf(orders.anything, utf8('1'), { contentType }))).toBe(1)
    },
  )

  it.each(['', 'text/plain', 'application/octet-stream', 'application/jsonx', 'application/x-ndjson'])(
    'refuses content type %j where JSON is declared',
    (contentType) => {
      const wire = wireOf(orders.anything, utf8('1'), { contentType })
      expect(() => decode(orders.anything, wire)).toThrow(code('WAYBILL_MALFORMED'))
    },
  )

  it('refuses other bytes than those declared', () => {
    const wire = wireOf(orders.image, utf8('1'), { contentType: 'application/json' })
    expect(() => decode(orders.image, wire)).toThrow(/content type "application\/json" instead of image\/png/)
  })

  it('takes an ordinary client that named the type at its word', () => {
    const wire = wireOf(orders.anything, utf8('1'), { contentType: '', wireVersion: 0 })
    expect(decode(orders.anything, wire)).toBe(1)
  })

  it('refuses a message without id', () => {
    expect(() => decode(orders.anything, wireOf(orders.anything, utf8('1'), { id: '' }))).toThrow(
      code('WAYBILL_MALFORMED'),
    )
  })

  it.each([
    ['another type', { type: 'orders.cancelled' }],
    ['no type', { type: '' }],
    ['a newer wire format', { wireVersion: 2 }],
    ['a newer version of the body', { schemaVersion: 2 }],
  ])('does not guess at %s', (_what, fields) => {
    const wire = wireOf(orders.anything, utf8('1'), fields)
    expect(() => decode(orders.anything, wire)).toThrow(code('WAYBILL_UNKNOWN_TYPE'))
  })

  it('reports a schema that throws', async () => {
    const { sync, promised } = contract('x', {
      sync: event(
        v.pipe(
          v.custom<{ a: { b: string } }>(() => true),
          v.transform(careless),
        ),
      ),
      promised: event(z.any().transform(careless)), // zod starts again asynchronously when it throws
    })
    expect(() => decode(sync, wireOf(sync, utf8('{}')))).toThrow(/its schema threw an error/)
    await expect(decode(promised, wireOf(promised, utf8('{}')))).rejects.toThrow(/its schema threw an error/)
  })
})

describe('upcast()', () => {
  const v1 = z.object({ name: z.string() })
  const v2 = z.object({ first: z.string(), last: z.string() })
  const people = contract('people', {
    joined: event(z.object({ first: z.string(), last: z.string(), country: z.string().min(2) }), {
      version: 3,
      upcast: {
        1: upcast(v1, ({ name }) => ({ first: name.split(' ')[0], last: name.split(' ')[1] })),
        2: upcast(v2, (older) => ({ ...older, country: older.last === 'Nobody' ? '' : 'NO' })),
      },
    }),
    left: event(z.object({ id: z.string() }), { version: 3, upcast: { 2: upcast(v1, ({ name }) => ({ id: name })) } }),
    slow: event(z.object({ n: z.number() }), {
      version: 3,
      upcast: {
        1: upcast(z.object({ n: z.number().refine(async () => true) }), ({ n }) => ({ n: n + 1 })),
        2: upcast(type<{ n: number }>(), ({ n }) => ({ n: n * 10 })),
      },
    }),
  })
  const joined = (schemaVersion: number, body: unknown): unknown =>
    decode(people.joined, wireOf(people.joined, utf8(JSON.stringify(body)), { schemaVersion }))

  it('lifts an older body step by step', () => {
    const ada = { first: 'Ada', last: 'Lovelace', country: 'NO' }
    expect(joined(1, { name: 'Ada Lovelace' })).toEqual(ada)
    expect(joined(2, { first: 'Ada', last: 'Lovelace' })).toEqual(ada)
    expect(joined(3, ada)).toEqual(ada)
  })

  it('checks the older schema, each step on the way, and what comes out', () => {
    expect(() => joined(1, { first: 'Ada' })).toThrow(/version 1: name: /)
    expect(() => joined(1, { name: 'Ada' })).toThrow(/version 2: last: /)
    expect(() => joined(1, { name: 'Ada Nobody' })).toThrow(/country: /)
  })

  it('does not guess at a version before the first step', () => {
    const wire = wireOf(people.left, utf8('{"name":"a"}'), { schemaVersion: 1 })
    expect(() => decode(people.left, wire)).toThrow(code('WAYBILL_UNKNOWN_TYPE'))
  })

  it('reports a step that throws', () => {
    const one = contract('x', {
      y: event(z.number(), { version: 2, upcast: { 1: upcast(type<{ a: { b: 1 } }>(), (o) => o.a.b) } }),
    }).y
    expect(() => decode(one, wireOf(one, utf8('{}'), { schemaVersion: 1 }))).toThrow(/upcast from version 1 threw/)
  })

  it('waits for an asynchronous older schema', async () => {
    const wire = wireOf(people.slow, utf8('{"n":1}'), { schemaVersion: 1 })
    expect(await decode(people.slow, wire)).toEqual({ n: 20 })
  })
})
