import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OffsetRanges } from './offset-ranges.ts'

/** Gaps between appended offsets, and what is done in between. */
const steps = fc.array(
  fc.oneof(
    fc.record({ append: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ delete: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ before: fc.integer({ min: 0, max: 40 }) }),
  ),
  { maxLength: 60 },
)

describe('OffsetRanges', () => {
  test('is a set', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 90 }), (all, from, to) => {
        const [ranges, set] = [new OffsetRanges(), new Set<number>()]
        let next = 0
        for (const step of all) {
          if ('append' in step) {
            next += step.append
            ranges.append(next)
            set.add(next++)
          } else if ('delete' in step) {
            ranges.delete(step.delete)
            set.delete(step.delete)
          } else {
            ranges.deleteBefore(step.before)
            for (const each of set) if (each < step.before) set.delete(each)
          }
        }
        const sorted = [...set].toSorted((a, b) => a - b)
        expect(ranges.size).toBe(set.size)
        expect(ranges.first).toBe(sorted[0])
        expect(ranges.between(0, Infinity, 1_000)).toEqual(sorted)
        expect(ranges.between(from, to, 5)).toEqual(sorted.filter((each) => each >= from && each <= to).slice(0, 5))
        for (let n = 0; n < 100; n++) expect(ranges.has(n)).toBe(set.has(n))
      }),
    )
  })

  test('takes no offset twice, and none out of order', () => {
    const ranges = new OffsetRanges()
    ranges.append(7)
    expect(() => ranges.append(7)).toThrow(RangeError)
    expect(() => ranges.append(3)).toThrow(RangeError)
  })
})
