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
