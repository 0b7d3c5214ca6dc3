import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryPolicy } from './retry-policy.ts'

const middle = (): number => 0.5

test('delayBefore() tries at once first, then doubles up to the longest delay, then gives up', () => {
  const policy = retryPolicy({ attempts: 7, immediate: 1, base: '100ms', max: '500ms', jitter: false }, middle)
  const delays = [2, 3, 4, 5, 6, 7, 8].map((attempt) => policy.delayBefore(attempt, new Error('x')))
  expect(delays).toEqual([0, 100, 200, 400, 500, 500, undefined])
})

test('delayBefore() keeps a fixed delay when asked', () => {
  const policy = retryPolicy({ attempts: 4, immediate: 0, backoff: 'fixed', base: '1s', jitter: false }, middle)
  expect([2, 3, 4, 5].map((attempt) => policy.delayBefore(attempt, undefined))).toEqual([
    1_000,
    1_000,
    1_000,
    undefined,
  ])
})

test('delayBefore() spreads a delay over its upper half', () => {
  const at = (random: number): number | undefined =>
    retryPolicy({ immediate: 0, base: '100ms' }, () => random).delayBefore(2, undefined)
  expect([at(0), at(0.5), at(0.999)]).toEqual([50, 75, 100])
})

test('delayBefore() gives up at once on the classes named', () => {
  class CardDeclined extends Error {}
  const policy = retryPolicy({ giveUpOn: [CardDeclined] }, middle)
  expect(policy.delayBefore(2, new CardDeclined())).toBeUndefined()
  expect(policy.delayBefore(2, new Error('other'))).toBe(0)
})

test('retryPolicy() refuses counts out of range', () => {
  expect(() => retryPolicy({ attempts: 0 }, middle)).toThrow(
    'retry.attempts must be a whole number from 1 to 1000, not 0',
  )
  expect(() => retryPolicy({ immediate: -1 }, middle)).toThrow(TypeError)
})

test('longestMs is the longest delay that is reached, not the limit that never is', () => {
  const longest = (retry: Parameters<typeof retryPolicy>[0]): number => retryPolicy(retry, middle).longestMs
  expect(longest({})).toBe(2_000) // the fifth try, the third delayed one, after 500 ms doubled twice
  expect(longest({ attempts: 2 })).toBe(0)
  expect(longest({ attempts: 100 })).toBe(300_000)
  expect(longest({ attempts: 3, immediate: 0, backoff: 'fixed', base: '1s' })).toBe(1_000)
})

test('waitsMs is what all delays take together, from least to most', () => {
  const waits = (retry: Parameters<typeof retryPolicy>[0]): unknown => retryPolicy(retry, middle).waitsMs
  expect(waits({})).toEqual({ least: 1_750, most: 3_500 })
  expect(waits({ jitter: false })).toEqual({ least: 3_500, most: 3_500 })
  expect(waits({ attempts: 2, immediate: 5 })).toEqual({ least: 0, most: 0 })
  expect(waits({ attempts: 4, immediate: 0, backoff: 'fixed', base: '1s' })).toEqual({ least: 1_500, most: 3_000 })
  expect(waits({ attempts: 5, immediate: 0, base: '1s', max: '3s' })).toEqual({ least: 4_500, most: 9_000 })
})

class RateLimited extends Error {}
class CardDeclined extends Error {}
class Stolen extends CardDeclined {}

test('delayBefore() tries only what is named again, and never what is given up on', () => {
  const only = retryPolicy({ retryOn: [CardDeclined], giveUpOn: [Stolen] }, middle)
  expect(only.delayBefore(2, new CardDeclined())).toBe(0)
  expect(only.delayBefore(2, new Stolen())).toBeUndefined()
  expect(only.delayBefore(2, new Error('other'))).toBeUndefined()
  expect(only.delayBefore(2, 'no error at all')).toBeUndefined()
})

test('delayBefore() goes by the first schedule whose class fits', () => {
  const policy = retryPolicy(
    {
      attempts: 3,
      immediate: 0,
      jitter: false,
      per: [
        { on: RateLimited, attempts: 20, immediate: 0, base: '10s', backoff: 'fixed', jitter: false },
        { on: [RateLimited, CardDeclined], attempts: 1 },
      ],
    },
    middle,
  )
  expect(policy.delayBefore(20, new RateLimited())).toBe(10_000)
  expect(policy.delayBefore(21, new RateLimited())).toBeUndefined()
  expect(policy.delayBefore(2, new Stolen())).toBeUndefined()
  expect(policy.delayBefore(3, new Error('other'))).toBe(1_000)
  expect(policy.delayBefore(4, new Error('other'))).toBeUndefined()
})

test('delayBefore() begins no try later than within', () => {
  const policy = retryPolicy({ attempts: 100, immediate: 0, base: '10s', jitter: false, within: '1m' }, middle)
  expect(policy.delayBefore(2, new Error('x'), 50_000)).toBe(10_000)
  expect(policy.delayBefore(2, new Error('x'), 50_001)).toBeUndefined()
  expect(policy.waitsMs).toEqual({ least: 0, most: 60_000 })
})

test.each([
  [{ attemps: 3 }, 'retry.attemps is no option'],
  [{ retryOn: [] }, 'retry.retryOn is empty'],
  [{ retryOn: [RateLimited], giveUpOn: [RateLimited] }, 'retry.retryOn and retry.giveUpOn both name RateLimited'],
  [{ retryOn: RateLimited }, 'retry.retryOn must be a list of error classes'],
  [{ within: 0 }, 'retry.within must be longer than nothing'],
  [{ jitter: 1 }, 'retry.jitter must be true or false, not 1'],
  [{ per: [{ attempts: 3 }] }, 'retry.per[0].on must be a list of error classes'],
  [{ per: [{ on: [] }] }, 'retry.per[0].on names no error class'],
  [{ per: [{ on: RateLimited, attempts: 0 }] }, 'retry.per[0].attempts must be a whole number'],
  [{ per: [{ on: RateLimited, giveUpOn: [] }] }, 'retry.per[0].giveUpOn is no option'],
])('retryPolicy() refuses %o', (retry, what) => {
  expect(() => retryPolicy(retry as never, middle)).toThrow(TypeError)
  expect(() => retryPolicy(retry as never, middle)).toThrow(what)
})

const kinds = [RateLimited, CardDeclined, RangeError] as const

test('attempts, longestMs and waitsMs are true of every message, whatever its tries fail with', () => {
  const scheduleOf = fc.record(
    {
      attempts: fc.integer({ min: 1, max: 8 }),
      immediate: fc.nat(3),
      base: fc.integer({ min: 1, max: 1_000 }),
      max: fc.integer({ min: 1, max: 3_000 }),
      backoff: fc.constantFrom('exponential' as const, 'fixed' as const),
      jitter: fc.boolean(),
      within: fc.integer({ min: 1, max: 5_000 }),
    },
    { requiredKeys: [] },
  )
  const policies = fc.tuple(scheduleOf, scheduleOf, scheduleOf)
  const failures = fc.array(fc.constantFrom(...kinds), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(policies, failures, fc.double({ min: 0, max: 0.999, noNaN: true }), ([retry, a, b], errors, dice) => {
      const per = [
        { ...a, on: RateLimited },
        { ...b, on: CardDeclined },
      ]
      const policy = retryPolicy({ ...retry, per }, () => dice)
      let [attempt, waited] = [1, 0]
      for (;;) {
        const kind = errors[attempt - 1] ?? RangeError
        const delay = policy.delayBefore(attempt + 1, new kind(), waited)
        if (delay === undefined) break
        expect(delay).toBeLessThanOrEqual(policy.longestMs)
        waited += delay
        attempt++
      }
      expect(attempt).toBeLessThanOrEqual(policy.attempts)
      // A delay is rounded to a millisecond.
      expect(waited).toBeGreaterThanOrEqual(policy.waitsMs.least - attempt)
      expect(waited).toBeLessThanOrEqual(policy.waitsMs.most + attempt)
    }),
    { numRuns: 2_000 },
  )
})
