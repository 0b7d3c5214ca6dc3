import { expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { backOffMs, type BackOff } from './back-off.ts'

function longest(n: number, backOff?: BackOff): number {
  return backOffMs(n, { ...virtualRuntime(), random: () => 1 }, backOff)
}

test('backOffMs() doubles from 0.1 to 5 seconds, half of it by chance', () => {
  expect([0, 1, 2, 5, 6, 1_000].map((n) => longest(n))).toEqual([100, 200, 400, 3_200, 5_000, 5_000])
  expect(backOffMs(2, { ...virtualRuntime(), random: () => 0 })).toBe(200)
})

test('backOffMs() tries at once where it is told to, then goes on as usual, up to its own limit', () => {
  expect([0, 1, 2, 3, 9].map((n) => longest(n, { firstMs: 0, longestMs: 500 }))).toEqual([0, 200, 400, 500, 500])
})
