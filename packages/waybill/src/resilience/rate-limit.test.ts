import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RateLimit } from './rate-limit.ts'

test('take() lets a burst through, then one for each interval', () => {
  const rate = new RateLimit({ limit: 10, per: '1s', burst: 3 }, 'rate')
  expect([0, 0, 0, 0].map((now) => rate.take('', now))).toEqual([0, 0, 0, 100])
  expect([rate.take('', 99), rate.take('', 100), rate.take('', 100)]).toEqual([1, 0, 100])
  expect([10_000, 10_000, 10_000, 10_000].map((now) => rate.take('', now))).toEqual([0, 0, 0, 100])
})

test('take() of several owes what is not there', () => {
  const rate = new RateLimit({ limit: 10, per: '1s' }, 'rate')
  expect([rate.take('', 0, 25), rate.take('', 0)]).toEqual([0, 1_600])
})

test('take() keeps keys apart, and forgets those whose buckets are full', () => {
  const rate = new RateLimit({ limit: 1, per: '1s' }, 'rate')
  expect([rate.take('a', 0), rate.take('b', 0), rate.take('a', 0)]).toEqual([0, 0, 1_000])
  for (let n = 0; n < 100_000; n++) rate.take(`key ${n}`, n)
  expect(rate.keys).toBeLessThan(3_000)
})

test('take() of a new key beyond the most waits for the first bucket to fill, and passes the limit for none', () => {
  const rate = new RateLimit({ limit: 1, per: '1s' }, 'rate', 2)
  expect([rate.take('a', 0), rate.take('b', 300), rate.take('c', 400)]).toEqual([0, 0, 600])
  expect([rate.take('a', 400), rate.take('c', 1_000), rate.keys]).toEqual([600, 0, 2])
})

test.each([
  [{ limit: 0, per: '1s' }, 'rate.limit'],
  [{ limit: 1.5, per: '1s' }, 'rate.limit'],
  [{ limit: 1, per: '0s' }, 'rate.per'],
  [{ limit: 1, per: '1s', burst: 0 }, 'rate.burst'],
  [{ limit: 1, per: 'second' }, 'is not a duration'],
])('new RateLimit() refuses %o', (rate, what) => {
  expect(() => new RateLimit(rate as never, 'rate')).toThrow(what)
})

test('never more than burst and rate allow in any stretch of time, and who waits as told is let through', () => {
  const rates = fc.record({
    limit: fc.integer({ min: 1, max: 50 }),
    per: fc.integer({ min: 10, max: 5_000 }),
    burst: fc.integer({ min: 1, max: 60 }),
  })
  fc.assert(
    fc.property(rates, fc.array(fc.nat(200), { maxLength: 200 }), (options, pauses) => {
      const rate = new RateLimit(options, 'rate')
      const taken: number[] = []
      let now = 0
      for (const pause of pauses) {
        now += pause
        const wait = rate.take('', now)
        now += wait
        expect(wait === 0 ? 0 : rate.take('', now)).toBe(0)
        taken.push(now)
      }
      taken.forEach((from, first) => {
        taken.slice(first).forEach((to, count) => {
          expect(count + 1).toBeLessThanOrEqual(options.burst + ((to - from) * options.limit) / options.per + 1e-3)
        })
      })
    }),
    { numRuns: 200 },
  )
})
