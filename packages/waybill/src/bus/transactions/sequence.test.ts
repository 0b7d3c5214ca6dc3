import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { sqliteStore } from '../../stores/sqlite/sqlite-store.ts'
import { testBus } from '../../testing/test-bus.ts'
import { DIAGNOSTIC_CHANNELS, type SequenceGap } from '../observation/diagnostics.ts'
import { service } from '../service/service.ts'
import type { InboxOptions } from '../service/handler-options.ts'

const meters = contract(
  'meters',
  { shards: 2 },
  {
    read: event(type<{ meter: string; fail?: boolean }>(), { key: ({ meter }) => meter, sequence: true }),
    moved: event(type<{ meter: string }>(), { key: ({ meter }) => meter }),
  },
)

async function office(options: Pick<InboxOptions<never>, 'onGap'> = {}) {
  const store = sqliteStore(':memory:')
  const seen: string[] = []
  const billing = service('billing', { store }).on(
    meters.read,
    ({ meter, fail }, ctx) => {
      const { number, missing, duplicate } = ctx.sequence ?? { number: 0, missing: 0, duplicate: false }
      seen.push(`${meter}${number}${missing > 0 ? ` -${missing}` : ''}${duplicate ? ' again' : ''}`)
      if (fail === true) throw new Error('unreadable')
    },
    { ordered: true, retry: { attempts: 1 }, ...options },
  )
  const warnings: string[] = []
  const nothing = (): void => {}
  const logger = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_: object, text: string) => void warnings.push(text),
  }
  const bus = await testBus({ services: [billing], store, rethrow: false, logger })
  const read = (...meter: string[]): Promise<void> =>
    store.transaction(async (tx) => {
      for (const each of meter)
        await bus
          .in(tx)
          .publish(meters.read, each.endsWith('!') ? { meter: each.slice(0, -1), fail: true } : { meter: each })
    })
  return { store, bus, seen, read, warnings }
}

test('messages of a key are numbered in the order of their commits, and numbers of what was rolled back are given out again', async () => {
  const { bus, seen, read, store } = await office()
  await using _ = bus
  await read('a', 'b', 'a')
  await store
    .transaction(async (tx) => {
      await bus.in(tx).publish(meters.read, { meter: 'a' })
      throw new Error('no')
    })
    .catch(() => {})
  await read('a')
  await bus.settle()
  expect(seen.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1'])
})

test('a handler sees what is missing, and the log and observers are told', async () => {
  const gaps: SequenceGap[] = []
  const onGap = (gap: unknown): void => void gaps.push(gap as SequenceGap)
  subscribe(DIAGNOSTIC_CHANNELS.sequenceGap, onGap)
  const { bus, seen, read, warnings } = await office()
  await using _ = bus
  await read('a', 'a!', 'a!', 'a', 'a')
  await bus.settle()
  unsubscribe(DIAGNOSTIC_CHANNELS.sequenceGap, onGap)
  expect(seen).toEqual(['a1', 'a2', 'a3 -1', 'a4 -2', 'a5'])
  expect(warnings).toContain('messages of a sequence are missing')
  expect(gaps.map(({ number, missing, service: name }) => [number, missing, name])).toContainEqual([4, 2, 'billing'])
})

test("with onGap: 'fail' a handler does not run before what is missing", async () => {
  const { bus, seen, read } = await office({ onGap: 'fail' })
  await using _ = bus
  await read('a', 'a!', 'a', 'b')
  await bus.settle()
  expect(seen.toSorted()).toEqual(['a1', 'a2', 'b1'])
  expect(bus.deadLetters().map(({ detail }) => detail)).toContainEqual(expect.stringContaining('WAYBILL_SEQUENCE_GAP'))
})

test('what is numbered needs a key, a transaction, and no delay', async () => {
  expect(() => contract('x', { y: event(type<number>(), { sequence: true }) })).toThrow(/needs a key/)
  const { bus, store } = await office()
  await using _ = bus
  await expect(bus.publish(meters.read, { meter: 'a' })).rejects.toMatchObject({ code: 'WAYBILL_NEEDS_TRANSACTION' })
  await bus.publish(meters.moved, { meter: 'a' })
  const delayed = store.transaction((tx) => bus.in(tx).publish(meters.read, { meter: 'a' }, { delay: '1s' }))
  await expect(delayed).rejects.toBeInstanceOf(TypeError)
})
