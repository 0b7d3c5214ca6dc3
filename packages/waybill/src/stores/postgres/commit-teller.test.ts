import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { CommitTeller } from './commit-teller.ts'

test('tells one at a time, and once more for all that came meanwhile', async () => {
  const gates: (() => void)[] = []
  const teller = new CommitTeller(virtualRuntime(), () => new Promise((resolve) => gates.push(resolve)))
  for (let n = 0; n < 100; n++) teller.tell('now')
  expect(gates.length).toBe(1)
  for (let n = 0; n < 100; n++) teller.tell('now')
  gates[0]?.()
  await expect.poll(() => gates.length).toBe(2)
  gates[1]?.()
  await teller.end()
  expect(gates.length).toBe(2)
})

test('of transactions whose end nobody tells, tells three times, however many there are', async () => {
  const runtime = virtualRuntime()
  const told: number[] = []
  const begun = runtime.monotonic()
  const teller = new CommitTeller(runtime, async () => void told.push(runtime.monotonic() - begun))
  for (let n = 0; n < 100; n++) teller.tell('soon')
  await runtime.advance(5_000)
  expect(told).toEqual([25, 250, 1_000])
  teller.tell('soon')
  await runtime.advance(5_000)
  expect(told.length).toBe(6)
  await teller.end()
  teller.tell('soon')
  teller.tell('now')
  await runtime.advance(5_000)
  expect(told.length).toBe(6)
})

test('a database that is away is not asked again and again', async () => {
  let asked = 0
  const teller = new CommitTeller(virtualRuntime(), () => {
    asked++
    return Promise.reject(new Error('away'))
  })
  teller.tell('now')
  teller.tell('now')
  await teller.end()
  expect(asked).toBe(1)
})
