import { expect, test } from 'vitest'
import { lengthOfTime, rangeOfTime } from './length-of-time.ts'

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_000, '1 s'],
  [1_750, '1.8 s'],
  [60_000, '1 min'],
  [90_000, '90 s'],
  [150_000, '2.5 min'],
  [540_000, '9 min'],
  [3_600_000, '1 h'],
  [5_400_000, '90 min'],
  [86_400_000, '1 d'],
  [604_800_000, '7 d'],
])('lengthOfTime(%d) is %s', (ms, text) => {
  expect(lengthOfTime(ms)).toBe(text)
})

test('rangeOfTime() names the unit once where it is one, and one length where both read the same', () => {
  expect([rangeOfTime(1_750, 3_500), rangeOfTime(50_000, 240_000), rangeOfTime(540_000, 540_000)]).toEqual([
    '1.8 to 3.5 s',
    '50 s to 4 min',
    '9 min',
  ])
})
