import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageIndex } from './message-index.ts'

type State = 'ready' | 'unsettled'

/** What the index promises, kept in the plainest way. */
class Model {
  readonly states = new Map<number, State>()

  positions(state: State): readonly number[] {
    return [...this.states].filter(([, is]) => is === state).map(([position]) => position).toSorted((a, b) => a - b) // prettier-ignore
  }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), n: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), n: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('putBack' as const), n: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), n: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settleAll' as const), n: fc.constant(0) }) },
)

test('MessageIndex hands out in order of arrival, whatever came back meanwhile', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const index = new MessageIndex()
      const model = new Model()
      for (const { kind, n } of steps) {
        if (kind === 'append') {
          for (let i = 0; i < n; i++) {
            const position = index.append(0, undefined, Infinity, 0)
            expect(model.states.has(position)).toBe(false)
            model.states.set(position, 'ready')
          }
        } else if (kind === 'take') {
          const expected = model.positions('ready').slice(0, n)
          for (const position of expected) {
            expect(index.nextReady()).toBe(position)
            index.take(position)
            model.states.set(position, 'unsettled')
          }
        } else if (kind === 'settleAll') {
          for (const position of model.states.keys()) expect(index.remove(position)).toBe(true)
          model.states.clear()
        } else {
          const unsettled = model.positions('unsettled')
          const position = unsettled[n % Math.max(1, unsettled.length)]
          if (position === undefined) continue
          expect(kind === 'putBack' ? index.putBack(position) : index.remove(position)).toBe(true)
          if (kind === 'putBack') model.states.set(position, 'ready')
          else model.states.delete(position)
        }
        expect(index.ready).toBe(model.positions('ready').length)
        expect(index.unsettled).toBe(model.positions('unsettled').length)
        expect(index.nextReady()).toBe(model.positions('ready')[0] ?? -1)
        expect(index.nextLive(0)).toBe([...model.states.keys()].toSorted((a, b) => a - b)[0] ?? -1)
      }
    }),
    { numRuns: 60 },
  )
})

test('MessageIndex keeps what it is told of each message across chunks', () => {
  const index = new MessageIndex()
  for (let n = 0; n < 3_000; n++) index.append(n + 1, undefined, n % 2 === 0 ? n : Infinity, n % 3)
  for (let n = 0; n < 3_000; n++) {
    expect([index.sequence(n), index.deadline(n), index.size(n)]).toEqual([n + 1, n % 2 === 0 ? n : Infinity, n % 3])
  }
})

test('MessageIndex counts deliveries and says which ones the log does not know', () => {
  const index = new MessageIndex()
  const position = index.append(1, undefined, Infinity, 0)
  expect(index.take(position)).toBe(1)
  index.putBack(position)
  expect(index.isUncounted(position)).toBe(true)
  expect(index.returned()).toEqual([position])
  index.counted(position)
  expect(index.returned()).toEqual([])
  expect(index.take(position)).toBe(2)
})

test('putBack() and remove() of what is settled say so and change nothing', () => {
  const index = new MessageIndex()
  const position = index.append(1, undefined, Infinity, 0)
  index.take(position)
  index.remove(position)
  expect([index.putBack(position), index.remove(position), index.ready, index.unsettled]).toEqual([false, false, 0, 0])
})

test('MessageIndex lets go of chunks behind a consumer that keeps up', () => {
  const index = new MessageIndex()
  for (let n = 0; n < 2_000_000; n++) {
    const position = index.append(n + 1, undefined, Infinity, 0)
    index.take(position)
    index.remove(position)
  }
  expect(index.nextLive(0)).toBe(-1)
  expect(index.chunkCount).toBeLessThanOrEqual(2)
})
