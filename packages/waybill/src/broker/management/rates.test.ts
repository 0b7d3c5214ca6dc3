import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Rates } from './rates.ts'

test('Rates looks every five seconds while somebody asks, and stops when nobody does', async () => {
  const runtime = virtualRuntime()
  let looks = 0
  const counters = { publish: 0 }
  const rates = new Rates(runtime, () => {
    looks++
    return [{ of: counters, counts: { ...counters } }]
  })
  await runtime.advance(60_000)
  expect(looks).toBe(0)
  expect(rates.rate(counters, 'publish')).toBe(0)
  counters.publish = 50
  await runtime.advance(5_000)
  expect(rates.rate(counters, 'publish')).toBe(10)
  await runtime.advance(5_000)
  expect(rates.rate(counters, 'publish')).toBe(0)
  await runtime.advance(120_000)
  const before = looks
  expect(before).toBeLessThan(20)
  await runtime.advance(60_000)
  expect(looks).toBe(before)
  // What happened meanwhile was not within five seconds.
  counters.publish = 1_000
  expect(rates.rate(counters, 'publish')).toBe(0)
  await runtime.advance(5_000)
  expect(rates.rate(counters, 'publish')).toBe(0)
  rates.stop()
})
