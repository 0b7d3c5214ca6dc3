import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../runtime/seeded-random.ts'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { replyTo, wireMessage } from './build-message.ts'
import { causedBy, firstCause } from './cause.ts'
import { message } from './message-arbitrary.test-support.ts'
import { childSpan, formatTraceparent, newTrace, parseTraceparent } from './trace-context.ts'
import { NO_HEADERS } from './wire-message.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const runtime = virtualRuntime()

describe('parseTraceparent()', () => {
  it('reads the example of the specification', () => {
    expect(parseTraceparent(`00-${TRACE}-${PARENT}-01`)).toEqual({ traceId: TRACE, parentId: PARENT, sampled: true })
    expect(parseTraceparent(`00-${TRACE}-${PARENT}-00`)?.sampled).toBe(false)
  })

  it('looks at the sampled bit alone, and accepts more fields of a later version', () => {
    expect(parseTraceparent(`cc-${TRACE}-${PARENT}-03-what-the-future-will-be-like`)?.sampled).toBe(true)
    expect(parseTraceparent(`cc-${TRACE}-${PARENT}-02`)?.sampled).toBe(false)
  })

  it.each([
    ['version ff', `ff-${TRACE}-${PARENT}-01`],
    ['more fields in version 00', `00-${TRACE}-${PARENT}-01-x`],
    ['later version, no separator', `cc-${TRACE}-${PARENT}-01.x`],
    ['a zero trace id', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['a zero parent id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ['a short trace id', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['nothing', ''],
  ])('refuses %s', (_what, text) => {
    expect(parseTraceparent(text)).toBeUndefined()
  })

  it('reads whatever is written, and every child stays in its trace', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed)
        const trace = newTrace(random)
        const child = childSpan(trace, random)
        expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace)
        expect(parseTraceparent(formatTraceparent(child))).toEqual(child)
        expect(child).toMatchObject({ traceId: trace.traceId, sampled: trace.sampled })
        expect(child.parentId).not.toBe(trace.parentId)
      }),
    )
  })

  it('never writes an id of zeros', () => {
    expect(parseTraceparent(formatTraceparent(newTrace(() => 0)))).toBeDefined()
  })
})

describe('causedBy()', () => {
  it('gives the first message its own id as correlation id, and a new sampled trace', () => {
    const cause = firstCause('a', runtime)
    expect(cause).toMatchObject({ correlationId: 'a', causationId: undefined, tracestate: undefined })
    expect(parseTraceparent(cause.traceparent)?.sampled).toBe(true)
  })

  it('passes on correlation and trace, and names the parent', () => {
    const traceparent = `00-${TRACE}-${PARENT}-00`
    const cause = causedBy(message({ id: 'p', correlationId: 'c', traceparent, tracestate: 'a=1' }), runtime)
    expect(cause).toMatchObject({ correlationId: 'c', causationId: 'p', tracestate: 'a=1' })
    const span = parseTraceparent(cause.traceparent)
    expect(span).toMatchObject({ traceId: TRACE, sampled: false })
    expect(span?.parentId).not.toBe(PARENT)
  })

  it('begins a correlation with a parent that has none', () => {
    expect(causedBy(message({ id: 'p' }), runtime)).toMatchObject({ correlationId: 'p', causationId: 'p' })
    expect(causedBy(message({ id: '' }), runtime)).toMatchObject({ correlationId: undefined, causationId: undefined })
  })

  it('begins a new trace where the parent has no valid one, and drops its tracestate', () => {
    const cause = causedBy(message({ traceparent: 'broken', tracestate: 'a=1' }), runtime)
    expect(parseTraceparent(cause.traceparent)).toBeDefined()
    expect(cause.tracestate).toBeUndefined()
  })

  it('drops a tracestate beyond 512 characters', () => {
    const traceparent = `00-${TRACE}-${PARENT}-00`
    const passed = (length: number): string | undefined =>
      causedBy(message({ traceparent, tracestate: 'x'.repeat(length) }), runtime).tracestate
    expect(passed(512)).toHaveLength(512)
    expect(passed(513)).toBeUndefined()
  })
})

describe('wireMessage()', () => {
  const fields = {
    source: '/s',
    type: 't',
    kind: 'event',
    contentType: 'application/json',
    body: Uint8Array.of(1),
  } as const

  it('has every field, in one order', () => {
    const made = wireMessage(fields, runtime)
    expect(Object.keys(made)).toEqual(Object.keys(message()))
    expect(made).toMatchObject({ ...fields, time: runtime.now(), attempt: 1, wireVersion: 1, correlationId: made.id })
    expect(Object.keys(wireMessage({ ...fields, key: 'k', headers: { a: 'b' } }, runtime))).toEqual(Object.keys(made))
  })

  it('replyTo() answers a request: same correlation, caused by it, expiring with it', () => {
    const request = message({
      id: 'r',
      type: 'orders.quote',
      kind: 'query',
      correlationId: 'c',
      expiresAt: 99,
      replyTo: 'q',
    })
    const reply = replyTo(
      request,
      { body: Uint8Array.of(2), contentType: '', headers: NO_HEADERS },
      '/pricing',
      runtime,
    )
    expect(reply).toMatchObject({
      kind: 'reply',
      type: 'orders.quote.reply',
      source: '/pricing',
      correlationId: 'c',
      causationId: 'r',
      expiresAt: 99,
      replyTo: undefined,
    })
  })
})
