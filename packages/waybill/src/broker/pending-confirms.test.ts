import { expect, test } from 'vitest'
import { PendingConfirms } from './pending-confirms.ts'

test('tells each in the order of waiting, across the end of the ring and its growth', () => {
  const told: string[] = []
  const sinks = ['a', 'b'].map((name) => ({ confirmed: (tag: number) => void told.push(name + tag) }))
  const pending = new PendingConfirms()
  const expected: string[] = []
  let tag = 0
  for (let round = 0; round < 100; round++) {
    for (let n = 0; n < 7; n++) {
      const sink = sinks[tag % 2]
      if (sink !== undefined) pending.push(sink, ++tag)
      expected.push((tag % 2 === 1 ? 'a' : 'b') + tag)
    }
    for (let n = 0; n < 5; n++) pending.tellFirst('accepted', undefined)
  }
  expect(pending.size).toBe(200)
  while (pending.size > 0) pending.tellFirst('accepted', undefined)
  expect(told).toEqual(expected)
})

test('a sink may publish when it is told', () => {
  const told: number[] = []
  const pending = new PendingConfirms()
  const sink = {
    confirmed(tag: number): void {
      told.push(tag)
      for (let n = 1; n <= 70 && tag === 0; n++) pending.push(sink, n)
    },
  }
  pending.push(sink, 0)
  while (pending.size > 0) pending.tellFirst('accepted', undefined)
  expect(told).toEqual(Array.from({ length: 71 }, (_, n) => n))
})
