import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageIndex } from './message-index.ts'

type State = 'ready' | 'unsettled'

interface Step {
  readonly kind: 'append' | 'take' | 'putBack' | 'settle' | 'settleAll'
  readonly n: number
}

/** What the index promises, kept in the plainest way. Each step answers what the index answered, and what it should have. */
class Model {
  readonly index: MessageIndex = new MessageIndex()
  readonly #states = new Map<number, State>()

  apply({ kind, n }: Step): readonly [actual: unknown, expected: unknown][] {
    if (kind === 'append') return Array.from({ length: n }, () => this.#append())
    if (kind === 'take') return this.#positions('ready').slice(0, n).map((position) => this.#take(position)) // prettier-ignore
    if (kind === 'settleAll') return [...this.#states.keys()].map((position) => this.#settle(position))
    const unsettled = this.#positions('unsettled')
    const position = unsettled[n % Math.max(1, unsettled.length)]
    if (position === undefined) return []
    return [kind === 'settle' ? this.#settle(position) : this.#putBack(position)]
  }

  /** What holds after every step. */
  invariants(): readonly [actual: unknown, expected: unknown][] {
    const ready = this.#positions('ready')
    return [
      [this.index.ready, ready.length],
      [this.index.unsettled, this.#states.size - ready.length],
      [this.index.nextReady(), ready[0] ?? -1],
      [this.index.nextLive(0), [...this.#states.keys()].toSorted((a, b) => a - b)[0] ?? -1],
    ]
  }

  #append(): [unknown, unknown] {
    const position = this.index.append(0, undefined, Infinity, 0)
    const isNew = !this.#states.has(position)
    this.#states.set(position, 'ready')
    return [isNew, true]
  }

  #take(position: number): [unknown, unknown] {
    const next = this.index.nextReady()
    this.index.take(next)
    this.#states.set(position, 'unsettled')
    return [next, position]
  }

  #putBack(position: number): [unknown, unknown] {
    this.#states.set(position, 'ready')
    return [this.index.putBack(position), true]
  }

  #settle(position: number): [unknown, unknown] {
    this.#states.delete(position)
    return [this.index.remove(position), true]
  }

  #positions(state: State): readonly number[] {
    const positions: number[] = []
    for (const [position, is] of this.#states) if (is === state) positions.push(position)
    return positions.toSorted((a, b) => a - b)
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), n: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), n: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('putBack' as const), n: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), n: fc.integer({ min: 0, max: 2_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settleAll' as const), n: fc.constant(0) }) },
)

test('MessageIndex hands out in order of arrival, whatever came back meanwhile', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const model = new Model()
      for (const each of steps) {
        const answers = [...model.apply(each), ...model.invariants()]
        expect(answers.map(([actual]) => actual)).toEqual(answers.map(([, expected]) => expected))
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
  expect(index.room).toBeLessThanOrEqual(2_048)
})

test('MessageIndex has room for few as long as there are few, whatever went through', () => {
  const index = new MessageIndex()
  const pass = (count: number): void => {
    const positions = Array.from({ length: count }, (_, n) => index.append(n, undefined, n, n + 1))
    for (const position of positions) index.remove(position)
  }
  pass(1)
  expect(index.room).toBe(16)
  for (let n = 0; n < 5_000; n++) pass(3)
  expect(index.room).toBeLessThanOrEqual(64)
  pass(3_000)
  expect(index.room).toBeLessThanOrEqual(64)
  expect([index.ready, index.unsettled, index.nextReady(), index.nextLive(0)]).toEqual([0, 0, -1, -1])
})

test('MessageIndex keeps what is known of its messages as it makes room for more', () => {
  const index = new MessageIndex()
  const deadlineOf = (n: number): number => (n % 3 === 0 ? n : Infinity)
  const positions = Array.from({ length: 2_500 }, (_, n) => index.append(n, undefined, deadlineOf(n), n % 5))
  for (const position of positions) if (position % 7 === 0) index.take(position)
  const known = positions.map((at) => [index.sequence(at), index.deadline(at), index.size(at), index.deliveries(at)])
  expect(known).toEqual(positions.map((at, n) => [n, deadlineOf(n), n % 5, at % 7 === 0 ? 1 : 0]))
  expect(positions.map((at) => index.isReady(at))).toEqual(positions.map((at) => at % 7 !== 0))
})
