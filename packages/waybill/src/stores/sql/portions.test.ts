import { expect, test } from 'vitest'
import { boundedKey } from './bounded-key.ts'
import { portions } from './portions.ts'

const row = (size: number): { head: string; body: Uint8Array } => ({ head: '{}', body: new Uint8Array(size - 2) })
const sizes = (parts: readonly (readonly { body: Uint8Array }[])[]): number[][] =>
  parts.map((part) => part.map(({ body }) => body.length + 2))

test('portions() keeps the order, and the bounds but for a row that is beyond them', () => {
  const most = { rows: 3, bytes: 100 }
  expect(sizes(portions([], most))).toEqual([])
  expect(sizes(portions([10, 10, 10, 10].map(row), most))).toEqual([[10, 10, 10], [10]])
  expect(sizes(portions([60, 40, 1 + 2, 500, 5].map(row), most))).toEqual([[60, 40], [3], [500], [5]])
})

test('boundedKey() leaves what fits, and makes others short without making them alike', () => {
  for (const key of ['', 'a', 'ü'.repeat(255)]) expect(boundedKey(key)).toBe(key)
  const long = ['x'.repeat(256), 'x'.repeat(257), 'a\0', 'a\0\0', '\0'].map(boundedKey)
  for (const key of long) expect(key).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(new Set(long).size).toBe(long.length)
})
