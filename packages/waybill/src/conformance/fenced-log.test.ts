import { expect, test } from 'vitest'
import { FencedLog } from './fenced-log.ts'

test('FencedLog takes no write with a token smaller than the shard has seen, and knows who wrote when', () => {
  const log = new FencedLog()
  expect(log.write(0, 'a', 5, 1)).toBe(true)
  expect(log.write(1, 'a', 9, 2)).toBe(true)
  expect(log.write(0, 'b', 6, 3)).toBe(true)
  expect(log.write(0, 'a', 5, 4)).toBe(false)
  expect(log.write(0, 'b', 6, 5)).toBe(true)
  expect(log.write(0, 'b', 8, 6)).toBe(true)
  expect(log.write(0, 'a', 9, 7)).toBe(true)
  expect([log.taken, log.refused, log.faults]).toEqual([6, 1, []])
  expect(log.changes).toEqual([
    { shard: 0, from: 'a', to: 'b', lastAt: 1, firstAt: 3 },
    { shard: 0, from: 'b', to: 'a', lastAt: 6, firstAt: 7 },
  ])
})

test('FencedLog finds writes without a token, and two members with one', () => {
  const log = new FencedLog()
  expect(log.write(0, 'a', undefined, 1)).toBe(false)
  log.write(0, 'a', 5, 2)
  log.write(0, 'b', 5, 3)
  expect(log.faults).toEqual(['a writes to shard 0 without a token', 'a and b write to shard 0 with token 5'])
})
