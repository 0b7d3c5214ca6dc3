import { expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { TurnClock } from './turn-clock.ts'

test('now() is one instant until something else runs', async () => {
  const runtime = virtualRuntime()
  let reads = 0
  const clock = new TurnClock({ ...runtime, now: () => runtime.now() + ++reads })
  expect(clock.now()).toBe(runtime.now() + 1)
  expect(clock.now()).toBe(runtime.now() + 1)
  await Promise.resolve()
  expect(clock.now()).toBe(runtime.now() + 2)
})
