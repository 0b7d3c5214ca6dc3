import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { PriorityIndex } from './priority-index.ts'

const HIGHEST = 3

interface Entry {
  readonly sequence: number
  readonly priority: number
  readonly position: number
  ready: boolean
}

const step = fc.oneof(
  fc.record({ append: fc.integer({ min: 1, max: 1_500 }), priority: fc.nat(HIGHEST + 2) }),
  fc.record({ take: fc.integer({ min: 1, max: 1_500 }) }),
  fc.record({ putBack: fc.nat(), settle: fc.nat() }),
)

/** Those with a state, in the order in which they are to go out. */
function inOrder(entries: readonly Entry[], ready?: boolean): readonly Entry[] {
  return entries
    .filter((entry) => ready === undefined || entry.ready === ready)
    .toSorted((a, b) => b.priority - a.priority || a.sequence - b.sequence)
}

test('positions count up in the order of priority, then of arrival, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
      const index = new PriorityIndex(HIGHEST)
      let entries: Entry[] = []
      let sequence = 0
      for (const each of steps) {
        if ('append' in each) {
          const priority = Math.min(each.priority, HIGHEST)
          for (let n = 0; n < each.append; n++) {
            const position = index.append(++sequence, undefined, sequence, 0, each.priority)
            entries.push({ sequence, priority, position, ready: true })
          }
        } else if ('take' in each) {
          for (const entry of inOrder(entries, true).slice(0, each.take)) {
            index.take(index.nextReady())
            entry.ready = false
          }
        } else {
          const unsettled = inOrder(entries, false)
          const [back, settled] = [each.putBack, each.settle].map((n) => unsettled[n % Math.max(1, unsettled.length)])
          if (back !== undefined) back.ready = index.putBack(back.position)
          if (settled !== undefined && index.remove(settled.position))
            entries = entries.filter((one) => one !== settled)
        }
      }
      const ready = inOrder(entries, true)
      const found: number[] = []
      for (let at = index.nextReady(); at !== -1; at = index.nextReady(at + 1)) found.push(index.sequence(at))
      expect(found).toEqual(ready.map((entry) => entry.sequence))
      const live: number[] = []
      for (let at = index.nextLive(0); at !== -1; at = index.nextLive(at + 1)) live.push(index.deadline(at))
      expect(live).toEqual(inOrder(entries).map((entry) => entry.sequence))
      expect([index.ready, index.unsettled]).toEqual([ready.length, entries.length - ready.length])
    }),
    { numRuns: 60 },
  )
})

test('an index without messages holds no chunks', () => {
  const index = new PriorityIndex(255)
  expect([index.ready, index.unsettled, index.nextReady(), index.nextLive(0), index.room]).toEqual([0, 0, -1, -1, 0])
  const position = index.append(1, undefined, Infinity, 5, 255)
  expect([index.size(position), index.isReady(position), index.isLive(position)]).toEqual([5, true, true])
  index.setDeliveries(position, 3, true)
  expect([index.isUncounted(position), index.deliveries(position), index.take(position)]).toEqual([true, 3, 4])
})
