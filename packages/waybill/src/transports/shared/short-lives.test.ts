import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { ShortLives } from './short-lives.ts'

test('ShortLives lets twenty brokers die in ten seconds, and holds the next back for a second', async () => {
  const runtime = virtualRuntime()
  const lives = new ShortLives(runtime)
  const startedAt = runtime.monotonic()
  for (let n = 0; n < 20; n++) {
    await lives.pause()
    lives.seen(`broker ${n}`)
    lives.seen(`broker ${n}`)
  }
  expect(runtime.monotonic()).toBe(startedAt)
  let passed = false
  void lives.pause().then(() => (passed = true))
  await runtime.advance(999)
  expect(passed).toBe(false)
  await runtime.advance(1)
  expect(passed).toBe(true)
  await runtime.advance(10_000)
  await lives.pause()
})
