import { expect, test } from 'vitest'
import { message } from '../../transport/fixtures.test-support.ts'
import { bodyOf, decodeMessage, encodeAttributes, fieldsIn } from './message-mapping.ts'

function entry(...fields: readonly (string | Uint8Array)[]) {
  return fieldsIn(fields.map((each) => Buffer.from(each)))
}

test('a message comes back as it was', () => {
  const sent = message('m1', {
    key: '', sequence: 4, attempt: 3, schemaVersion: 2, replyTo: 'a', correlationId: 'c', causationId: 'd',
    expiresAt: 1_800_000_000_123, traceparent: 't', tracestate: 's', headers: { tenant: 'ünï', ce: 'x' },
  }) // prettier-ignore
  const back = decodeMessage(entry('ce', encodeAttributes(sent), 'data', bodyOf(sent)))
  expect({ ...back, body: [...back.body] }).toEqual({ ...sent, body: [...sent.body] })
})

test('bodyOf() is the part of a buffer that the body is', () => {
  const whole = new Uint8Array([1, 2, 3, 4])
  expect([...bodyOf(message('m1', { body: whole.subarray(1, 3) }))]).toEqual([2, 3])
})

test('the entry of an ordinary client is read as it is: its fields are headers', () => {
  const read = decodeMessage(entry('name', 'Ada', 'data', 'body', 'amount', '3'))
  expect(read).toMatchObject({ wireVersion: 0, kind: 'document', id: '', headers: { name: 'Ada', amount: '3' } })
  expect(Buffer.from(read.body).toString()).toBe('body')
})

test('a CloudEvent of another producer is taken at its word, its extensions as headers', () => {
  const ce = JSON.stringify({ id: '7', type: 'a.b', source: '/x', partitionkey: 'k', tenant: 'acme', weight: 2 })
  expect(decodeMessage(entry('ce', ce))).toMatchObject({
    wireVersion: 0, id: '7', type: 'a.b', key: 'k', headers: { tenant: 'acme', weight: '2' },
  }) // prettier-ignore
})

test.each(['{', 'null', '[]', '"text"', '{"id":3,"sequence":"many","waybillattempt":-1,"headers":["x"]}'])(
  'a field ce of %s does not stop the stream',
  (ce) => {
    expect(decodeMessage(entry('ce', ce, 'data', ''))).toMatchObject({
      wireVersion: 0,
      attempt: 1,
      sequence: undefined,
    })
  },
)
