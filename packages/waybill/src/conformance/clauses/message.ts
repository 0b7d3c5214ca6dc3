import { strict as assert } from 'node:assert'
import type { WireMessage } from '../../message/wire-message.ts'
import { clause, type Clause } from '../clause.ts'
import { messageFor } from '../message-of.ts'
import type { Stage } from '../stage.ts'

const UNICODE = 'Grüße, 世界 👩‍🚀 \u{1F600} ελλάδα عربى e\u0301'

/** Sends the message that `fields` makes, and answers what was sent and what came. */
async function roundTrip(
  stage: Stage,
  fields: Partial<WireMessage>,
): Promise<readonly [sent: WireMessage, received: WireMessage]> {
  const member = await stage.member()
  const group = stage.group()
  const inbox = await member.subscribe(group)
  const sent = messageFor(group.channel, stage.runtime, 'body', fields)
  await member.sendMessages(group.channel, sent)
  const [delivery] = await inbox.arrived(1)
  return [sent, delivery?.message ?? assert.fail('no delivery')]
}

function expectSame(sent: WireMessage, received: WireMessage): void {
  const { body, headers, ...rest } = received
  const { body: sentBody, headers: sentHeaders, ...sentRest } = sent
  assert.deepEqual({ ...rest }, { ...sentRest })
  assert.deepEqual({ ...headers }, { ...sentHeaders })
  assert.ok(Buffer.from(body).equals(sentBody), `the body came as ${body.length} bytes, sent were ${sentBody.length}`)
}

export const messageClauses: readonly Clause[] = [
  clause('message/arrives with every header absent that the sender left out', async (stage) => {
    expectSame(...(await roundTrip(stage, {})))
  }),

  clause('message/arrives with every header that the sender gave', async (stage) => {
    const later = stage.runtime.now() + 3_600_000
    expectSame(
      ...(await roundTrip(stage, {
        source: '/checkout/7',
        time: Date.UTC(2026, 10, 20, 12, 34, 56, 789),
        schemaVersion: 3,
        contentType: 'application/json; charset=utf-8',
        replyTo: 'checkout:replies',
        correlationId: 'correlation-1',
        causationId: 'causation-1',
        expiresAt: later,
        key: 'order-42',
        sequence: 7,
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
        attempt: 2,
        headers: { tenant: 'acme', 'x-custom': 'yes' },
      })),
    )
  }),

  clause('message/carries a command, and a document, with their kind', async (stage) => {
    const member = await stage.member()
    for (const kind of ['command', 'document'] as const) {
      const group = stage.group(stage.channel(kind))
      const inbox = await member.subscribe(group)
      const sent = stage.message(group.channel, kind)
      await member.sendMessages(group.channel, sent)
      expectSame(sent, (await inbox.delivered(kind)).message)
    }
  }),

  clause('message/keeps unicode in headers, in key and in body', async (stage) => {
    const body = new TextEncoder().encode(UNICODE)
    expectSame(
      ...(await roundTrip(stage, {
        source: `/${UNICODE}`,
        key: UNICODE,
        correlationId: UNICODE,
        headers: { greeting: UNICODE, empty: '', [`naïve-${UNICODE.slice(0, 8)}`]: 'yes' },
        body,
      })),
    )
  }),

  clause('message/keeps header values that look like something else', async (stage) => {
    expectSame(
      ...(await roundTrip(stage, {
        key: '007',
        correlationId: 'null',
        headers: {
          number: '1e3',
          truth: 'true',
          nothing: 'undefined',
          json: '{"a":1}',
          lines: 'a\r\nb\tc',
          spaces: '  x ',
        },
      })),
    )
  }),

  clause('message/keeps a hundred user headers and one of 8 KiB', async (stage) => {
    const headers: Record<string, string> = { long: 'ä'.repeat(4_096) }
    for (let n = 0; n < 100; n++) headers[`header-${n}`] = `value ${n}`
    expectSame(...(await roundTrip(stage, { headers })))
  }),

  clause('message/keeps an empty body', async (stage) => {
    expectSame(...(await roundTrip(stage, { body: new Uint8Array(0), contentType: 'application/octet-stream' })))
  }),

  clause('message/keeps every byte value', async (stage) => {
    const body = Uint8Array.from({ length: 256 }, (_, n) => n)
    expectSame(...(await roundTrip(stage, { body, contentType: 'application/octet-stream' })))
  }),

  clause('message/keeps a body of 1 MiB', async (stage) => {
    const body = Uint8Array.from({ length: 2 ** 20 }, (_, n) => (n * 31 + (n >> 8)) & 0xff)
    expectSame(...(await roundTrip(stage, { body, contentType: 'application/octet-stream' })))
  }),

  clause('message/is not changed by being sent', async (stage) => {
    const member = await stage.member()
    const group = stage.group()
    const inbox = await member.subscribe(group)
    const headers = Object.freeze({ tenant: 'acme' })
    const sent = Object.freeze(stage.message(group.channel, 'm1', { headers, key: 'a' }))
    const before = structuredClone(sent)
    await member.sendMessages(group.channel, sent)
    await inbox.delivered('m1')
    expectSame(before, sent)
  }),
]
