import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines } from './deadlines.ts'
import { virtualRuntime } from './virtual-runtime.ts'

test('add() calls back in the order of the due times, never early, whatever the order of adding and cancelling', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ delay: fc.integer({ min: 0, max: 1_000 }), cancel: fc.boolean() }), { maxLength: 300 }),
      async (entries) => {
        const runtime = virtualRuntime()
        const deadlines = new Deadlines(runtime)
        const fired: { delay: number; at: number }[] = []
        const handles = entries.map(({ delay }) => deadlines.add(delay, () => fired.push({ delay, at: runtime.monotonic() })))
        entries.forEach(({ cancel }, index) => cancel && handles[index]?.cancel())
        await runtime.advance(1_000)
        const expected = entries.filter(({ cancel }) => !cancel).map(({ delay }) => delay).sort((a, b) => a - b)
        expect(fired.map(({ delay }) => delay)).toEqual(expected)
        expect(fired.every(({ delay, at }) => at >= delay)).toBe(true)
        expect(runtime.timers).toEqual([])
      },
    ),
    { numRuns: 30 },
  )
})

test('add() inside a callback is honoured', async () => {
  const runtime = virtualRuntime()
  const deadlines = new Deadlines(runtime)
  const seen: number[] = []
  deadlines.add(10, () => deadlines.add(10, () => seen.push(runtime.monotonic())))
  await runtime.advance(30)
  expect(seen).toEqual([20])
})

test('clear() forgets everything and leaves no timer', async () => {
  const runtime = virtualRuntime()
  const deadlines = new Deadlines(runtime)
  deadlines.add(5, () => expect.unreachable('it was cleared'))
  deadlines.clear()
  await runtime.advance(10)
  expect(runtime.timers).toEqual([])
})
