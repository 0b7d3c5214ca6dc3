import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { Pings } from './pings.ts'

function pinging(ping: () => Promise<unknown>) {
  const runtime = virtualRuntime()
  const dead: string[] = []
  const pings = new Pings(runtime, 1_000, ping, ({ message }) => void dead.push(message))
  pings.begin()
  return { runtime, dead, pings }
}

test('a connection that answers is asked on; two answers owed are its end, once', async () => {
  let answers = true
  const { runtime, dead } = pinging(() => (answers ? Promise.resolve() : new Promise(() => {})))
  await runtime.advance(10_000)
  expect(dead).toEqual([])
  answers = false
  await runtime.advance(3_000)
  expect(dead).toEqual(['the server has been silent for 2000 ms'])
  await runtime.advance(10_000)
  expect(dead).toHaveLength(1)
})

test('nobody is asked after the end', async () => {
  let asked = 0
  const { runtime, pings } = pinging(async () => void asked++)
  await runtime.advance(1_000)
  pings.end()
  await runtime.advance(10_000)
  expect(asked).toBe(1)
})
