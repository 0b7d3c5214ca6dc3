import { expect, test } from 'vitest'
import { PublisherGate, type Block } from './publisher-gate.ts'

test('PublisherGate gives the gravest of several reasons, and says when that changes', () => {
  const changes: (boolean | undefined)[] = []
  const gate = new PublisherGate((block: Block | undefined) => changes.push(block?.isAlarm))
  gate.set('log', true)
  gate.set('log', true)
  gate.set('memory', true)
  expect(gate.block?.reason).toMatch(/memory/)
  gate.set('log', false)
  gate.set('disk', true)
  gate.set('memory', false)
  expect(gate.block?.reason).toMatch(/disk/)
  gate.set('disk', false)
  expect(gate.block).toBeUndefined()
  expect(changes).toEqual([false, true, true, undefined])
})
