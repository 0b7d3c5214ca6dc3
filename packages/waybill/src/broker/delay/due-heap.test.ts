import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DueHeap } from './due-heap.ts'

const pushOrPop = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 2, arbitrary: fc.constant('pop' as const) },
)

test('DueHeap gives items by instant, equal ones in the order of their arrival', () => {
  fc.assert(
    fc.property(fc.array(pushOrPop, { minLength: 10, maxLength: 60 }), (steps) => {
      const heap = new DueHeap()
      const popped: number[] = []
      const expected: number[] = []
      let waiting: { readonly due: number; readonly item: number }[] = []
      steps.forEach((step, item) => {
        if (step !== 'pop') {
          heap.push(step, item)
          waiting.push({ due: step, item })
        } else if (waiting.length > 0) {
          const [first, ...rest] = waiting.toSorted((a, b) => a.due - b.due || a.item - b.item)
          expected.push(first?.due ?? -1, first?.item ?? -1, rest.length)
          popped.push(heap.next, heap.pop(), heap.size)
          waiting = rest
        }
      })
      expect(popped).toEqual(expected)
    }),
  )
})

test('DueHeap holds many', () => {
  const heap = new DueHeap()
  for (let n = 0; n < 10_000; n++) heap.push((n * 7_919) % 10_000, n)
  let last = -1
  while (heap.size > 0) {
    expect(heap.next).toBeGreaterThanOrEqual(last)
    last = heap.next
    heap.pop()
  }
  expect(heap.next).toBe(Infinity)
})
