import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'
import { uuidV7 } from './uuid-v7.ts'

const START = Date.UTC(2026, 0, 1)

const generator = (now: () => number, seed = 1): (() => string) => {
  const random = seededRandom(seed)
  return uuidV7(now, (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256)
  })
}
const instantOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

describe('uuidV7()', () => {
  it('has the form of RFC 9562 section 5.7: version 7, variant 10, the milliseconds in front', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.integer(), (ms, seed) => {
        const id = generator(() => ms, seed)()
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(instantOf(id)).toBe(ms)
      }),
    )
  })

  it('sorts by the order of making, whatever the clock does', () => {
    const steps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -5_000, max: 5_000 })), {
      minLength: 2,
      maxLength: 300,
    })
    fc.assert(
      fc.property(steps, fc.integer(), (clock, seed) => {
        let now = START
        const next = generator(() => now, seed)
        const ids = clock.map((step) => {
          now += step
          return next()
        })
        expect(ids).toEqual(ids.toSorted())
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })

  it('stays in order through more ids than the counter holds within one millisecond', () => {
    const next = generator(() => START)
    const ids = Array.from({ length: 20_000 }, next)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(ids.toSorted())
    // The counter of 4,096 borrows whole milliseconds from the future, no more than it needs.
    expect(instantOf(ids[ids.length - 1] ?? '') - START).toBe(Math.floor(20_000 / 4_096))
  })

  it('catches up with the clock after it was set back', () => {
    let now = START
    const next = generator(() => now)
    next()
    now = START - 60_000
    expect(instantOf(next())).toBe(START)
    now = START + 1
    expect(instantOf(next())).toBe(START + 1)
  })

  it('cuts fractions of a millisecond off', () => {
    expect(instantOf(generator(() => START + 0.9)())).toBe(START)
  })

  it('does not repeat itself between generators', () => {
    const ids = Array.from({ length: 200 }, (_, seed) => generator(() => START, seed)())
    expect(new Set(ids).size).toBe(ids.length)
  })
})
