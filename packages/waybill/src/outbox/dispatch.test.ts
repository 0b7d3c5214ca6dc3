// Cases that the property test has found, one by one.
import { expect, test } from 'vitest'
import type { OutboxRow } from '../store/store.ts'
import { Dispatch } from './dispatch.ts'
import { DISPATCH_LIMITS, type DispatchLimits } from './dispatch-limits.ts'
import { outboxRow } from './outbox-row.test-support.ts'

const error = new Error('no')
const row = (position: bigint, key = 'a'): OutboxRow => outboxRow({ position, key })
const positions = (rows: readonly OutboxRow[]): readonly bigint[] => rows.map(({ position }) => position)

function dispatch(limits: Partial<DispatchLimits> = {}) {
  const made = new Dispatch({ ...DISPATCH_LIMITS, ...limits })
  made.hold([0])
  const pass = (now: number, from: bigint, ...rows: readonly OutboxRow[]): void => {
    made.beginPass(now, from)
    made.beginLook()
    made.take(rows, true, now)
    made.endPass('end')
  }
  return { made, pass }
}

test('a row that appears below a queued one of its key, and has no place, takes the queued one with it', () => {
  const { made, pass } = dispatch({ maxQueuedPerLine: 1 })
  pass(0, 0n, row(12n))
  pass(0, 0n, row(6n), row(12n))
  expect(made.next(0)).toEqual([])
  expect(made.passWanted(0)).toBe(5n)
  pass(0, 0n, row(6n), row(12n))
  expect(positions(made.next(0))).toEqual([6n])
})

test('a row whose outcome is unknown comes before those behind it, although there is a gap', () => {
  const { made, pass } = dispatch({ maxQueuedPerLine: 2 })
  pass(0, 0n, row(1n))
  made.next(0)
  made.answered(1n, { outcome: 'refused', error }, 0)
  pass(1_000, 0n, row(1n), row(2n), row(3n))
  expect(positions(made.next(1_000))).toEqual([1n])
  made.answered(1n, { outcome: 'unknown', error }, 1_000)
  expect(positions(made.next(2_000))).toEqual([1n])
})

test('a row of a later page waits for a pass that comes as far and finds nothing before it', () => {
  const { made, pass } = dispatch()
  made.beginPass(0, 0n)
  made.beginLook()
  made.take([row(1n, 'b')], true, 0)
  made.beginLook()
  made.take([row(7n)], false, 0) // what lies before it may have been committed since the first page
  made.endPass('end')
  expect(positions(made.next(0))).toEqual([1n])
  expect(made.unsureUpTo).toBe(7n)
  pass(0, 0n, row(1n, 'b'), row(5n), row(7n))
  expect(positions(made.next(0))).toEqual([5n])
})

test('beyond so many keys that are held back, nothing new is remembered, and nothing is lost', () => {
  const { made, pass } = dispatch({ maxGaps: 1 })
  pass(0, 0n, row(1n, 'bad'))
  made.next(0)
  made.answered(1n, { outcome: 'refused', error }, 0)
  made.beginPass(1, 0n)
  made.beginLook()
  expect(made.take([row(1n, 'bad'), row(2n, 'new')], true, 1)).toEqual({
    accepted: 0,
    letGo: 2,
    heldBack: 2,
    forgotten: 1,
  })
  made.endPass('end')
  pass(600, 0n, row(1n, 'bad'), row(2n, 'new'))
  expect(positions(made.next(600))).toEqual([1n])
  made.answered(1n, { outcome: 'stored' }, 600)
  made.written([1n])
  pass(601, 0n, row(2n, 'new'))
  expect(positions(made.next(601))).toEqual([2n])
})
