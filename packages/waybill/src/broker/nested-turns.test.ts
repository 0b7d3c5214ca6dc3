import { expect, test } from 'vitest'
import { virtualRuntime } from '../runtime/virtual-runtime.ts'
import { NestedTurns } from './nested-turns.ts'

test('run() keeps the order of calls within calls', () => {
  const turns = new NestedTurns(virtualRuntime())
  const told: string[] = []
  const tell = (name: string, caused: readonly string[]): void => {
    turns.run(() => {
      told.push(name)
      for (const each of caused) tell(name + each, name.length < 2 ? caused : [])
    })
  }
  tell('a', ['1', '2'])
  tell('b', [])
  expect(told).toEqual(['a', 'a1', 'a11', 'a12', 'a2', 'a21', 'a22', 'b'])
})

test('run() has no depth, lets others have their turns, and goes on behind them', async () => {
  const runtime = virtualRuntime()
  const turns = new NestedTurns(runtime)
  const told: string[] = []
  let left = 100_000
  const again = (): void => {
    if (--left > 0) turns.run(again)
    else told.push('end')
  }
  turns.run(again)
  turns.run(() => told.push('behind'))
  runtime.defer(() => told.push('somebody else'))
  await runtime.settle(60_000)
  expect(told).toEqual(['somebody else', 'end', 'behind'])
})
