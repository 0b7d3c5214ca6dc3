import { describe, expect, test } from 'vitest'
import { shardOf } from '../../message/shard.ts'
import { OUTBOX_LANES, type NewOutboxRow } from '../../store/store.ts'
import { channel, message } from '../../transport/fixtures.test-support.ts'
import { ALL, row, type Stand } from './stand.test-support.ts'

export function outboxClauses<Tx>(at: Stand<Tx>): void {
  describe('the outbox', () => {
    test('hands out what was written, in order, whole', async () => {
      const every = {
          key: 'k\u{1F600}', sequence: 4, replyTo: 'reply:x', correlationId: 'c', causationId: 'a', expiresAt: 5,
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b', attempt: 3,
          headers: { tenant: `ü'"\\\n`, empty: '' }, body: Uint8Array.from({ length: 256 }, (_, n) => n),
        } // prettier-ignore
      const rows: readonly NewOutboxRow[] = [
        row('full', every),
        row('bare', { body: new Uint8Array() }),
        { message: message('reply', { kind: 'reply' }), to: { kind: 'address', address: "reply:checkout'" } },
        {
          message: message('large', { body: new Uint8Array(1_500_000).fill(39) }),
          to: channel('command', 'orders.place', 8),
        },
      ]
      await at.enqueue(...rows)
      const read = await at.store.outbox.fetch(ALL, 0n, 10)
      expect(read.map(({ message: { id } }) => id)).toEqual(['full', 'bare', 'reply', 'large'])
      for (const [n, { message: sent, to }] of rows.entries()) {
        const { body, ...rest } = read[n]?.message ?? sent
        const { body: wanted, ...others } = sent
        expect(rest).toEqual(others)
        expect(Buffer.from(body).equals(wanted)).toBe(true)
        expect(read[n]?.to).toEqual(to)
        expect(read[n]?.lane).toBe(shardOf(sent.key ?? sent.id, OUTBOX_LANES))
        expect(read[n]?.attempts).toBe(0)
      }
      const positions = read.map(({ position }) => position)
      expect(positions).toEqual([...positions].sort((a, b) => Number(a - b)))
    })

    test('takes any bytes as a body, and any text in a head', async () => {
      const rows = ['\\', "\\'", '$1', '?', '${x}', '\u2028', '\0', ':a', '"', '\u{1F600}\\'].map((text, n) =>
        row(`m${n}`, { headers: { text }, body: Buffer.from(text), key: text }),
      )
      await at.enqueue(...rows)
      const read = await at.store.outbox.fetch(ALL, 0n, 100)
      expect(read.map((each) => each.message.headers['text'])).toEqual(rows.map((each) => each.message.headers['text']))
      expect(read.map((each) => String(Buffer.from(each.message.body)))).toEqual(
        rows.map((each) => String(Buffer.from(each.message.body))),
      )
    })

    test('writes thousands in a call', async () => {
      await at.enqueue(...Array.from({ length: 3_000 }, (_, n) => row(`m${n}`)))
      const first = await at.store.outbox.fetch(ALL, 0n, 5_000)
      expect(first.map((each) => each.message.id)).toEqual(Array.from({ length: 3_000 }, (_, n) => `m${n}`))
      await at.store.outbox.remove(first.map(({ position }) => position))
      expect(await at.idsIn()).toEqual([])
    })

    test('fetch() gives the rows of these lanes behind a position, so many', async () => {
      await at.enqueue(...Array.from({ length: 200 }, (_, n) => row(`m${n}`)))
      const all = await at.store.outbox.fetch(ALL, 0n, 1_000)
      expect(all.length).toBe(200)
      for (const lanes of [[3], [1, 2, 30], ALL.slice(0, 12), ALL.slice(1)]) {
        const own = all.filter(({ lane }) => lanes.includes(lane))
        expect(await at.idsIn(lanes)).toEqual(own.map((each) => each.message.id))
        const [third] = own.slice(2)
        expect(await at.idsIn(lanes, third?.position, 2)).toEqual(own.slice(3, 5).map((each) => each.message.id))
      }
      expect(await at.store.outbox.fetch([], 0n, 10)).toEqual([])
    })

    test('parks a row with its error, passes it by, and takes it up again behind the others', async () => {
      await at.enqueue(row('m1'), row('m2'), row('m3'))
      const [first, second] = await at.store.outbox.fetch(ALL, 0n, 10)
      if (first === undefined || second === undefined) throw new Error('nothing was fetched')
      await at.store.outbox.noteRefusal(first.position, 'queue full')
      await at.store.outbox.noteRefusal(first.position, 'queue full')
      expect((await at.store.outbox.fetch(ALL, 0n, 1))[0]?.attempts).toBe(2)
      await at.store.outbox.park(first.position, `no such queue: ü'\\${'x'.repeat(10_000)}`)
      expect(await at.idsIn()).toEqual(['m2', 'm3'])
      expect(await at.store.outbox.inspect()).toMatchObject({ waiting: 2, parked: 1 })
      const [parked] = await at.store.outbox.parked(10)
      expect(parked).toMatchObject({ attempts: 3, position: first.position })
      expect(parked?.message).toEqual({ ...first.message, body: parked?.message.body })
      expect(parked?.error).toMatch(/^no such queue: ü'\\x{1900,2000}$/)
      expect(await at.store.outbox.unpark([first.position, second.position])).toBe(1)
      expect(await at.store.outbox.parked(10)).toEqual([])
      expect(await at.idsIn()).toEqual(['m2', 'm3', 'm1'])
      expect((await at.store.outbox.fetch(ALL, 0n, 10))[2]?.attempts).toBe(0)
    })

    test('a row that somebody else has written does not stop those behind it', async () => {
      await at.enqueue(row('m1'), row('m2'))
      await at.stage.run(
        `UPDATE {}outbox SET head = 'no JSON', target = 'nowhere' WHERE position = (SELECT p FROM (SELECT min(position) AS p FROM {}outbox) AS o)`,
      )
      const [first, second] = await at.store.outbox.fetch(ALL, 0n, 10)
      expect(first).toMatchObject({
        message: { id: '', wireVersion: 0 },
        to: { kind: 'address', address: 'nowhere' },
      })
      expect(second?.message.id).toBe('m2')
    })

    test('inspect() tells how old the oldest is', async () => {
      await at.enqueue(row('m1'))
      await expect.poll(async () => (await at.store.outbox.inspect()).oldestMs).toBeGreaterThan(50)
      expect(await at.store.outbox.inspect()).toMatchObject({ waiting: 1, parked: 0, scheduled: 0 })
    })
  })
}
