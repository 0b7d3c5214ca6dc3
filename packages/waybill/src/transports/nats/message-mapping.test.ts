import { headers as natsHeaders, type MsgHdrs } from '@nats-io/transport-node'
import { CloudEvent, HTTP } from 'cloudevents'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyMessage } from '../../message/message-arbitrary.test-support.ts'
import { NO_HEADERS } from '../../message/wire-message.ts'
import { message } from '../../transport/fixtures.test-support.ts'
import { decodeMessage, encodeHeaders, type HeaderLines } from './message-mapping.ts'

/** As a client reads the block: a line each, blanks around a value cut off. */
function linesOf(block: Uint8Array): HeaderLines {
  const text = Buffer.from(block).toString('utf8')
  expect(text.startsWith('NATS/1.0\r\n') && text.endsWith('\r\n\r\n')).toBe(true)
  return text
    .slice('NATS/1.0\r\n'.length, -4)
    .split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')), [line.slice(line.indexOf(':') + 1).trim()]] as const)
}

test('decodeMessage() reads what encodeHeaders() wrote, whatever it is', () => {
  fc.assert(
    fc.property(anyMessage, (sent) => {
      const { headers, ...rest } = decodeMessage(linesOf(encodeHeaders(sent, 'id-1')), sent.body)
      const { headers: sentHeaders, ...sentRest } = sent
      expect(wellFormed(rest)).toEqual(wellFormed(sentRest))
      expect(wellFormed({ ...headers })).toEqual(wellFormed({ ...sentHeaders }))
    }),
  )
})

test.each([
  ['names that mean something to server or binding', { 'Nats-TTL': '1', 'ce-id': 'x', 'Content-Type': 'y' }],
  ['names that no header can have', { 'a:b': '1', 'naïve name': '2', '%41': '3' }],
  ['values that no header can have', { lines: 'a\r\nb\tc', blanks: '  x ', empty: '', percent: '100%41' }],
])('a header survives: %s', (_, headers) => {
  const sent = message('m1', { headers })
  expect(decodeMessage(linesOf(encodeHeaders(sent, undefined)), sent.body).headers).toEqual(headers)
})

test("an ordinary client's message is taken as it is, nothing decoded", () => {
  const lines: [string, string[]][] = [
    ['Nats-Msg-Id', ['abc']],
    ['Content-Type', ['text/plain']],
    ['tag', ['50%25', 'b']],
  ]
  expect(decodeMessage(lines, new Uint8Array())).toMatchObject({
    id: 'abc',
    kind: 'document',
    wireVersion: 0,
    contentType: 'text/plain',
    headers: { tag: '50%25, b' },
  })
  expect(decodeMessage(undefined, new Uint8Array([1])).headers).toBe(NO_HEADERS)
})

test("an ordinary client's message that is tried again stays foreign, with its headers", () => {
  const foreign = decodeMessage([['tag', ['50%25 ü']]], new Uint8Array())
  const again = decodeMessage(linesOf(encodeHeaders({ ...foreign, attempt: 2 }, undefined)), foreign.body)
  expect(again).toEqual({ ...foreign, attempt: 2 })
})

test('a CloudEvents reader reads our messages, and we read its', () => {
  const sent = message('m1', { key: 'größe 1', source: '/a b', headers: { tenant: 'acme' } })
  const lines = [...linesOf(encodeHeaders(sent, undefined))]
  const headers = Object.fromEntries(lines.map(([name, [value = '']]) => [name, value]))
  const event = HTTP.toEvent({ headers, body: 'x' }) as CloudEvent<unknown>
  expect([event.id, event.type, event.specversion]).toEqual([sent.id, sent.type, '1.0'])
  const theirs = HTTP.binary(new CloudEvent({ id: 'c1', source: '/c', type: 't', data: 'x', extra: 'y' }))
  const received = Object.entries(theirs.headers).map(([name, value]) => [name, [String(value)]] as const)
  expect(decodeMessage(received, new Uint8Array())).toMatchObject({ id: 'c1', source: '/c', type: 't', headers: { extra: 'y' } }) // prettier-ignore
})

test('the client carries our block, and reads it back', () => {
  const block = encodeHeaders(message('m1', { headers: { naïve: 'ü' } }), 'id-1')
  const type = natsHeaders().constructor as unknown as { decode(block: Uint8Array): MsgHdrs }
  expect(decodeMessage(type.decode(block), new Uint8Array()).headers).toEqual({ naïve: 'ü' })
})

/** Half a surrogate pair is no text, and becomes U+FFFD. */
function wellFormed<T extends object>(fields: T): T {
  const text = (value: unknown): unknown => (typeof value === 'string' ? value.toWellFormed() : value)
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, text(value)])) as T
}
