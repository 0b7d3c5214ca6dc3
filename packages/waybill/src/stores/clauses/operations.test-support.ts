import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { OutboxOperations } from '../../store/outbox-operations.ts'
import { channel } from '../../transport/fixtures.test-support.ts'
import { ALL, orders, row, runtime, type Stand } from './stand.test-support.ts'

const MINUTE_MS = 60_000

export function operationClauses<Tx>(at: Stand<Tx>): void {
  describe('what operators see', () => {
    const operations = (): OutboxOperations => at.store.outbox.operations
    /** Writes rows of these ids and parks them, each for a reason of its own; their positions. */
    const parked = async (...ids: readonly string[]): Promise<readonly bigint[]> => {
      await at.enqueue(...ids.map((id) => row(id, { key: `key-${id}`, body: Buffer.from(`body of ${id}`) })))
      const rows = (await at.store.outbox.fetch(ALL, 0n, 100)).filter(({ message: { id } }) => ids.includes(id))
      for (const { position, message } of rows) await at.store.outbox.park(position, `no room: ü\0${message.id}`)
      return rows.map(({ position }) => position)
    }

    test('backlog() counts by channel, most first, and says where it has not counted all', async () => {
      await parked('p1', 'p2')
      await at.enqueue(row('m1'), row('m2'), row('m3'))
      await at.enqueue({ ...row('m4'), to: channel('command', 'orders.place', 8) })
      await expect.poll(async () => (await at.store.outbox.inspect()).oldestMs).toBeGreaterThan(20)
      const { channels, complete } = await operations().backlog(10)
      expect(complete).toBe(true)
      expect(channels).toMatchObject([
        { to: orders, waiting: 3, parked: 2 },
        { to: { name: 'orders.place' }, waiting: 1, parked: 0 },
      ])
      expect(channels[0]?.oldestMs).toBeGreaterThan(20)
      expect(channels[0]?.oldestMs).toBeLessThan(MINUTE_MS)
      const first = await operations().backlog(1)
      expect([first.channels.length, first.complete]).toEqual([1, false])
      await at.stage.clear()
      expect(await operations().backlog(10)).toEqual({ channels: [], complete: true })
    })

    test('parked() pages through what is parked, without bodies; find() has one', async () => {
      const positions = await parked('p1', 'p2', 'p3')
      await at.enqueue(row('m1'))
      const [first, ...others] = await operations().parked(0n, 2)
      expect(others.map(({ message }) => message.id)).toEqual(['p2'])
      expect(first).toMatchObject({ position: positions[0], to: orders, attempts: 1, bytes: 10 })
      expect(first?.message).toMatchObject({ id: 'p1', type: row('p1').message.type, key: 'key-p1' })
      expect(first?.message).not.toHaveProperty('body')
      expect(first?.error).toMatch(/^no room: ü.p1$/)
      for (const instant of [first?.writtenAt ?? 0, first?.parkedAt ?? 0])
        expect(Math.abs(instant - runtime.now())).toBeLessThan(MINUTE_MS)
      expect((await operations().parked(positions[1] ?? 0n, 9)).map(({ position }) => position)).toEqual([positions[2]])
      expect(await operations().parked(0n, 0)).toEqual([])
      const found = await operations().find(positions[1] ?? 0n)
      expect(found).toMatchObject({ position: positions[1], bytes: 10 })
      expect(Buffer.from(found?.body ?? []).toString()).toBe('body of p2')
      const [waiting] = await at.store.outbox.fetch(ALL, 0n, 1)
      expect(await operations().find(waiting?.position ?? 0n)).toBeUndefined()
    })

    test('what a version that did not note it has parked, has no time of that', async () => {
      await parked('p1')
      await at.stage.run('UPDATE {}outbox SET since = NULL')
      expect((await operations().parked(0n, 1))[0]?.parkedAt).toBeUndefined()
    })

    test('remove() deletes what is parked and writes it down; anything else it leaves', async () => {
      const [first = 0n, second = 0n] = await parked('p1', 'p2')
      await at.enqueue(row('m1'))
      const [waiting] = await at.store.outbox.fetch(ALL, 0n, 1)
      expect(await operations().remove(waiting?.position ?? 0n, 'ada', 'no')).toBeUndefined()
      expect(await operations().remove(first, 'ada', 'ü\0wrong address')).toMatchObject({ position: first, by: 'ada' })
      expect(await operations().remove(first, 'ada', 'again')).toBeUndefined()
      expect(await operations().remove(second, 'bob', 'asked')).toMatchObject({ message: { id: 'p2' } })
      expect(await at.store.outbox.inspect()).toMatchObject({ waiting: 1, parked: 0 })
      const [newest, oldest, ...none] = await operations().removed(undefined, 10)
      expect(none).toEqual([])
      expect(newest).toMatchObject({ position: second, by: 'bob', note: 'asked' })
      expect(oldest).toMatchObject({ position: first, by: 'ada', to: orders, attempts: 1, bytes: 10 })
      expect(oldest?.note).toMatch(/^ü.wrong address$/)
      expect(oldest?.message).toMatchObject({ id: 'p1', key: 'key-p1' })
      expect(oldest?.error).toMatch(/^no room: ü.p1$/)
      expect(oldest?.sha256).toBe(createHash('sha256').update('body of p1').digest('hex'))
      expect(Math.abs((oldest?.removedAt ?? 0) - runtime.now())).toBeLessThan(MINUTE_MS)
      expect(await operations().removed(newest?.number, 10)).toEqual([oldest])
      expect(await operations().removed(undefined, 1)).toEqual([newest])
    })

    test('remove() and unpark() at the same time do one of both', async () => {
      for (let round = 0; round < 5; round++) {
        const [position = 0n] = await parked(`p${round}`)
        const [unparked, removed] = await Promise.all([
          at.store.outbox.unpark([position]),
          at.other.outbox.operations.remove(position, 'ada', 'both'),
        ])
        expect(unparked + (removed === undefined ? 0 : 1)).toBe(1)
      }
    })
  })
}
