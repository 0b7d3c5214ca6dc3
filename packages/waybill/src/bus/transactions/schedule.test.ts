import { expect, test } from 'vitest'
import { command, contract, event, type } from '../../contract/contract.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { testBus } from '../../testing/test-bus.ts'
import { service } from '../service/service.ts'

const calendar = contract('calendar', {
  remind: command(type<string>()),
  reminded: event(type<string>()),
  numbered: event(type<string>(), { key: (text) => text, sequence: true }),
  ticked: event(type<number>(), { stored: false }),
})
const START = Date.UTC(2026, 0, 1)
const HOUR = 3_600_000

function notebook() {
  const seen: string[] = []
  const secretary = service('secretary').on(calendar.remind, (text, ctx) => void seen.push(`${text} ${ctx.id}`))
  return { seen, secretary }
}

test('a message is sent when it is due, once, with the id of its schedule and due time', async () => {
  const { seen, secretary } = notebook()
  await using bus = await testBus({ services: [secretary], store: sqliteStore(':memory:') })
  const { id } = await bus.schedule(calendar.remind, 'tax', { id: 'tax-1', in: '90d' })
  expect(id).toBe(`tax-1@${START + 90 * 24 * HOUR}`)
  await bus.schedule(calendar.remind, 'never', { id: 'tax-1', in: '1h' }) // there is one of this name
  await bus.schedule(calendar.remind, 'tea', { id: 'tea', at: new Date(START + HOUR) })
  expect((await bus.health()).outboxes).toMatchObject([{ store: 'sqlite', scheduled: 2, waiting: 0, healthy: true }])
  await bus.advance('59m')
  expect(seen).toEqual([])
  await bus.advance('1m')
  expect(seen).toEqual([`tea tea@${START + HOUR}`])
  await bus.advance('90d')
  expect(seen).toEqual([`tea tea@${START + HOUR}`, `tax ${id}`])
  expect(await bus.cancelScheduled('tax-1')).toBe(false)
})

test('what is due already is sent at once', async () => {
  const { seen, secretary } = notebook()
  await using bus = await testBus({ services: [secretary], store: sqliteStore(':memory:') })
  await bus.schedule(calendar.remind, 'late', { id: 'late', at: new Date(START - HOUR) })
  await bus.settle()
  expect(seen).toHaveLength(1)
})

test('a schedule is taken back until it has left', async () => {
  const { seen, secretary } = notebook()
  await using bus = await testBus({ services: [secretary], store: sqliteStore(':memory:') })
  await bus.schedule(calendar.remind, 'tea', { id: 'tea', in: '1h' })
  expect(await bus.cancelScheduled('tea')).toBe(true)
  expect(await bus.cancelScheduled('tea')).toBe(false)
  await bus.schedule(calendar.remind, 'coffee', { id: 'tea', in: '2h' }) // the name is free again
  await bus.advance('3h')
  expect(seen).toEqual([`coffee tea@${START + 2 * HOUR}`])
})

test('a schedule with every comes again, with an id of its own each time, and misses what it slept through but the last', async () => {
  const { seen, secretary } = notebook()
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(':memory:')
  {
    await using bus = await testBus({ services: [secretary], store: sqliteStore(database) })
    await bus.schedule(calendar.remind, 'tea', { id: 'tea', in: '1h', every: '24h' })
    await bus.advance('50h')
    expect(seen).toEqual([`tea tea@${START + HOUR}`, `tea tea@${START + 25 * HOUR}`, `tea tea@${START + 49 * HOUR}`])
  }
  seen.length = 0
  // The next process begins ten days later.
  const { virtualRuntime } = await import('../../runtime/virtual-runtime.ts')
  const { createBus } = await import('../create-bus.ts')
  const { embedded } = await import('../../transports/embedded/embedded.ts')
  const runtime = virtualRuntime({ start: START + 10 * 24 * HOUR })
  const bus = await createBus({
    runtime, services: [secretary], store: sqliteStore(database), transport: embedded({ memory: true }), drainOn: [],
  }) // prettier-ignore
  await runtime.settle()
  expect(seen).toEqual([`tea tea@${START + (9 * 24 + 1) * HOUR}`])
  await runtime.advance(HOUR)
  expect(seen).toHaveLength(2)
  await bus.drain(0)
})

test('a handler, and a transaction of the user, schedule and take back with their transactions', async () => {
  const { seen, secretary } = notebook()
  const store = sqliteStore(':memory:')
  const planner = service('planner', { store }).on(calendar.reminded, async (text, ctx) => {
    await ctx.schedule(calendar.remind, text, { id: text, in: '1h' })
    if (text === 'b') await ctx.cancelScheduled('a')
    if (text === 'c') throw new Error('changed my mind')
  }, { retry: { attempts: 1 } }) // prettier-ignore
  await using bus = await testBus({ services: [planner, secretary], store, rethrow: false })
  for (const text of ['a', 'b', 'c']) {
    await bus.publish(calendar.reminded, text)
    await bus.settle()
  }
  await store.transaction(async (tx) => {
    await bus.in(tx).schedule(calendar.remind, 'd', { id: 'd', in: '1s' })
  })
  await bus.settle()
  await bus.advance('2s')
  expect(seen.map((text) => text[0])).toEqual(['d'])
  await bus.advance('1h')
  expect(seen.map((text) => text[0])).toEqual(['d', 'b'])
})

test('a delay beyond what the engine can is kept in the store; without one it is refused, and the cure names it', async () => {
  const { seen, secretary } = notebook()
  await using bus = await testBus({ services: [secretary], store: sqliteStore(':memory:') })
  const limit = bus.facts.limits.maxDelayMs.value
  expect(Number.isFinite(limit)).toBe(true)
  await bus.send(calendar.remind, 'later', { delay: limit + HOUR, id: 'l' })
  expect((await bus.health()).outboxes).toMatchObject([{ scheduled: 1 }])
  await bus.advance(limit)
  expect(seen).toEqual([])
  await bus.advance('2h')
  expect(seen).toEqual(['later l'])

  await using without = await testBus({ services: [secretary] })
  await expect(without.send(calendar.remind, 'x', { delay: limit + HOUR })).rejects.toMatchObject({
    code: 'WAYBILL_LIMIT',
    cure: expect.stringContaining('createBus({ store })') as string,
  })
})

test.each<[string, object]>([
  ['no time', { id: 'a' }],
  ['two times', { id: 'a', in: '1s', at: new Date(START) }],
  ['no date', { id: 'a', at: new Date(NaN) }],
  ['no id', { id: '', in: '1s' }],
  ['a long id', { id: 'x'.repeat(201), in: '1s' }],
  ['too often', { id: 'a', in: '1s', every: '1ms' }],
  ['no duration', { id: 'a', in: 'soon' }],
])('schedule() refuses %s', async (_, options) => {
  await using bus = await testBus({ store: sqliteStore(':memory:') })
  await expect(bus.schedule(calendar.remind, 'x', options as never)).rejects.toBeInstanceOf(TypeError)
})

test('what is numbered, or not stored, cannot be scheduled; without a store nothing can', async () => {
  await using bus = await testBus({ store: sqliteStore(':memory:') })
  await expect(bus.schedule(calendar.numbered, 'x', { id: 'a', in: '1s' })).rejects.toBeInstanceOf(TypeError)
  await expect(bus.schedule(calendar.ticked as never, 1 as never, { id: 'a', in: '1s' })).rejects.toBeInstanceOf(
    TypeError,
  )
  await using without = (await testBus()) as typeof bus
  await expect(without.schedule(calendar.remind, 'x', { id: 'a', in: '1s' })).rejects.toBeInstanceOf(TypeError)
  expect(() => without.in({} as never)).toThrow(TypeError)
  expect(() => bus.in(undefined as never)).toThrow(TypeError)
})
