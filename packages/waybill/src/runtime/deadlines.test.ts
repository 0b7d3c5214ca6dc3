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
        const handles = entries.map(({ delay }) =>
          deadlines.add(delay, () => fired.push({ delay, at: runtime.monotonic() })),
        )
        entries.forEach(({ cancel }, index) => cancel && handles[index]?.cancel())
        await runtime.advance(1_000)
        const expected = entries
          .filter(({ cancel }) => !cancel)
          .map(({ delay }) => delay)
          .sort((a, b) => a - b)
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

test('add() uses one timer of the runtime at a time, set to the earliest', () => {
  const runtime = virtualRuntime({ start: 0 })
  const deadlines = new Deadlines(runtime)
  for (const delay of [30, 10, 20]) deadlines.add(delay, () => {})
  expect(runtime.timers).toEqual([10])
})

test('cancel() may come twice, and from another deadline that is due at the same time', async () => {
  const runtime = virtualRuntime()
  const deadlines = new Deadlines(runtime)
  const fired: number[] = []
  const late = deadlines.add(10, () => fired.push(2))
  deadlines.add(10, () => fired.push(1))
  deadlines.add(5, () => {
    late.cancel()
    late.cancel()
  })
  await runtime.advance(20)
  expect(fired).toEqual([1])
})

test('a deadline that throws does not silence the others', async () => {
  const runtime = virtualRuntime()
  const deadlines = new Deadlines(runtime)
  const fired: number[] = []
  deadlines.add(10, () => {
    throw new Error('mine')
  })
  deadlines.add(10, () => fired.push(1))
  deadlines.add(20, () => fired.push(2))
  await expect(runtime.advance(30)).rejects.toThrow('mine')
  await runtime.advance(30)
  expect(fired).toEqual([1, 2])
})

test('cancel() of nearly all leaves the others, and no timer in the end', async () => {
  const runtime = virtualRuntime()
  const deadlines = new Deadlines(runtime)
  let fired = 0
  for (let n = 0; n < 10_000; n++) {
    const deadline = deadlines.add(1_000 + n, () => fired++)
    if (n % 100 !== 0) deadline.cancel()
  }
  await runtime.advance(20_000)
  expect(fired).toBe(100)
  expect(runtime.timers).toEqual([])
})
