import { expect, test } from 'vitest'
import { Starvation } from './starvation.ts'

/** How many questions until it gives up. */
function questions(starvation: Starvation, received: number): number {
  for (let n = 1; n <= 1_000; n++) if (starvation.note(received, true)) return n
  return Infinity
}

test('Starvation gives up only where messages wait, there is room, and nothing comes', () => {
  const starvation = new Starvation()
  for (let n = 0; n < 100; n++) expect(starvation.note(n, true)).toBe(false)
  for (let n = 0; n < 100; n++) expect(starvation.note(99, false)).toBe(false)
  expect(questions(starvation, 99)).toBe(2)
})

test('Starvation waits longer each time, up to a bound, until something comes', () => {
  const starvation = new Starvation()
  starvation.note(5, true)
  expect(Array.from({ length: 8 }, () => questions(starvation, 5))).toEqual([2, 4, 8, 16, 32, 64, 128, 128])
  starvation.note(6, true)
  expect(questions(starvation, 6)).toBe(2)
})
