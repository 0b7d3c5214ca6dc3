import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { message } from '../message/message-arbitrary.test-support.ts'
import { NO_HEADERS, type WireMessage } from '../message/wire-message.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { contract, document, event } from './contract.ts'
import { decode } from './decode.ts'
import { encode } from './encode.ts'
import { adopt, contentId, foreign, plainText } from './foreign.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const decodeText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What a transport makes of an ordinary client's message. */
const received = (body: string, fields: Partial<WireMessage> = {}): WireMessage =>
  message({
    id: '',
    source: '',
    type: '',
    kind: 'document',
    wireVersion: 0,
    time: 0,
    contentType: '',
    body: utf8(body),
    ...fields,
  })

const legacy = contract('legacy', {
  reading: event(z.object({ sensor: z.string(), celsius: z.number() })),
  line: document(z.string().min(1)),
})

describe('foreign()', () => {
  const line = foreign(legacy.line, { channel: 'log-lines', ...plainText })
  const reading = foreign(legacy.reading, {
    channel: 'amq.sensors',
    receive: ({ body }) => {
      const [sensor, celsius] = decodeText(body).split(';')
      return { sensor, celsius: Number(celsius) }
    },
    identify: ({ headers, body }) => ({
      key: headers['Sensor'] ?? '',
      id: `r-${decodeText(body)}`,
      headers: { unit: 'C' },
    }),
    send: ({ sensor, celsius }, headers) => ({
      body: utf8(`${sensor};${celsius}`),
      headers: { ...headers, Sensor: sensor },
    }),
  })

  it('keeps the message and changes its channel', () => {
    expect(reading).toMatchObject({ kind: 'event', type: 'legacy.reading', version: 1 })
    expect(reading.channel).toEqual({ kind: 'events', name: 'legacy.reading', shards: 1, foreign: 'amq.sensors' })
    expect(legacy.reading.foreign).toBeUndefined()
    expect(Object.isFrozen(reading)).toBe(true)
  })

  it('reads and writes bare text', async () => {
    expect(decode(line, received('hello'))).toBe('hello')
    const encoded = await encode(line, 'grüß dich')
    expect(decodeText(encoded.body)).toBe('grüß dich')
    expect(encoded.contentType).toBe('text/plain; charset=utf-8')
  })

  it('reads and writes by the mapping', async () => {
    expect(decode(reading, received('s1;21.5'))).toEqual({ sensor: 's1', celsius: 21.5 })
    const encoded = await encode(reading, { sensor: 's1', celsius: 20 }, { trace: 'x' })
    expect(encoded).toEqual({ body: utf8('s1;20'), contentType: '', headers: { trace: 'x', Sensor: 's1' } })
  })

  it('reads its own foreign writing back, whatever headers it carries', async () => {
    const { body } = await encode(reading, { sensor: 's1', celsius: 20 })
    expect(decode(reading, message({ type: 'legacy.reading', contentType: '', body }))).toEqual({
      sensor: 's1',
      celsius: 20,
    })
  })

  it('reads JSON without a mapping, with or without a content type', () => {
    const json = foreign(legacy.reading, { channel: 'q' })
    const body = '{"sensor":"s","celsius":1}'
    expect(decode(json, received(body))).toEqual({ sensor: 's', celsius: 1 })
    expect(decode(json, received(body, { contentType: 'application/json' }))).toEqual({ sensor: 's', celsius: 1 })
    expect(() => decode(json, received('s;1'))).toThrow(/are not JSON/)
  })

  it('validates what the mapping gives, both ways', () => {
    expect(() => decode(reading, received('s1'))).toThrow(expect.objectContaining({ code: 'WAYBILL_INVALID_MESSAGE' }))
    expect(() => encode(line, '')).toThrow(expect.objectContaining({ code: 'WAYBILL_INVALID_MESSAGE' }))
  })

  it('reports a mapping that throws as a malformed message', () => {
    const wire = received('')
    expect(() => decode(line, { ...wire, body: Uint8Array.of(0xff) })).toThrow(
      expect.objectContaining({ code: 'WAYBILL_MALFORMED' }),
    )
  })

  it('refuses a channel without a name', () => {
    expect(() => foreign(legacy.line, { channel: '' })).toThrow(TypeError)
  })

  it('adopt() gives a foreign message every header, and leaves body and wire version', () => {
    const runtime = virtualRuntime()
    const wire = received('s1;21.5', { headers: { Sensor: 's1' } })
    const adopted = adopt(reading, wire, runtime)
    expect(adopted).toEqual({
      ...wire,
      id: 'r-s1;21.5',
      source: '/amq.sensors',
      type: 'legacy.reading',
      kind: 'event',
      time: runtime.now(),
      key: 's1',
      headers: { unit: 'C' },
    })
    expect(decode(reading, adopted)).toEqual({ sensor: 's1', celsius: 21.5 })
  })

  it('adopt() keeps what the client said, and mints an id where it said none', () => {
    const runtime = virtualRuntime()
    expect(adopt(line, received('x', { id: 'theirs', time: 5, source: '/py' }), runtime)).toMatchObject({
      id: 'theirs',
      time: 5,
      source: '/py',
    })
    const [first, second] = [adopt(line, received('x'), runtime), adopt(line, received('x'), runtime)]
    expect(first.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.id).not.toBe(second.id)
  })

  it('adopt() leaves alone what Waybill wrote, and what is no foreign message', () => {
    const runtime = virtualRuntime()
    const own = message({ type: 'legacy.line' })
    expect(adopt(line, own, runtime)).toBe(own)
    const wire = received('x')
    expect(adopt(legacy.line, wire, runtime)).toBe(wire)
  })

  it('adopt() reports a mapping that throws', () => {
    const broken = foreign(legacy.line, { channel: 'q', identify: () => { throw new Error('no') } }) // prettier-ignore
    expect(() => adopt(broken, received('x'), virtualRuntime())).toThrow(
      expect.objectContaining({ code: 'WAYBILL_MALFORMED' }),
    )
  })
})

describe('contentId()', () => {
  const raw = { body: utf8('x'), contentType: '', type: '', id: '', headers: NO_HEADERS }

  it('is a UUID of version 8 that depends on what the message says alone', () => {
    expect(contentId(raw)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(contentId({ ...raw, headers: { a: 'b' } })).toBe(contentId(raw))
    const others = [{ body: utf8('y') }, { contentType: 'x' }, { type: 'x' }].map((other) =>
      contentId({ ...raw, ...other }),
    )
    expect(new Set([contentId(raw), ...others]).size).toBe(4)
  })
})
