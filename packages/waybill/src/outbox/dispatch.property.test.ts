// The relay's two state machines against a table of rows: whatever is committed when, and whatever the broker answers.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { outboxRow } from './outbox-row.test-support.ts'
import type { OutboxRow } from '../store/store.ts'
import { Dispatch } from './dispatch.ts'
import { DISPATCH_LIMITS } from './dispatch-limits.ts'
import type { RowChange } from './row-answer.ts'
import { Looks, type Look } from './looks.ts'

const LIMITS = { ...DISPATCH_LIMITS, maxQueued: 12, maxQueuedPerLine: 2, maxInFlight: 6, attempts: 4 }
const PAGE = 3
const LANES = [0, 1, 2]

type Answer = 'stored' | 'refused' | 'unknown'

/** A table, a broker, and a relay between them: what the relay does is one step at a time, and time stands still in between. */
class World {
  readonly dispatch: Dispatch
  readonly looks = new Looks(PAGE, 0)
  readonly table = new Map<bigint, OutboxRow>()
  readonly parked = new Set<bigint>()
  /** Positions as the broker stored them, by key. */
  readonly stored = new Map<string, bigint[]>()
  readonly onTheWay: OutboxRow[] = []
  changes: RowChange[] = []
  now = 0
  #position = 0n
  #under: { readonly look: Look; readonly rows: readonly OutboxRow[] } | undefined
  readonly #open = new Map<string, OutboxRow[]>()

  constructor(maxGaps: number) {
    this.dispatch = new Dispatch({ ...LIMITS, maxGaps })
    this.dispatch.hold(LANES)
  }

  /** A transaction writes a row, and keeps others from its key until it commits. */
  write(key: string): void {
    const position = ++this.#position
    const rows = this.#open.get(key) ?? []
    rows.push(outboxRow({ position, key, lane: Number(key) % LANES.length }))
    this.#open.set(key, rows)
  }
  commit(key: string): void {
    for (const row of this.#open.get(key) ?? []) this.table.set(row.position, row)
    this.#open.delete(key)
    this.looks.wake()
  }

  /** A look begins with what is in the table, and ends later. */
  beginLook(): boolean {
    if (this.#under !== undefined) return false
    const { dispatch, now } = this
    const { known, hasRoom, unsureUpTo } = dispatch
    const look = this.looks.next({ now, known, hasRoom, wanted: dispatch.passWanted(now), unsureUpTo })
    if (look === undefined) return false
    if (look.first) dispatch.beginPass(now, look.after)
    dispatch.beginLook()
    const rows = [...this.table.values()]
      .filter(({ position }) => position > look.after && !this.parked.has(position))
      .toSorted((a, b) => (a.position < b.position ? -1 : 1))
      .slice(0, look.limit)
    this.#under = { look, rows }
    return true
  }
  endLook(fails: boolean): void {
    if (this.#under === undefined) return
    const { look, rows } = this.#under
    this.#under = undefined
    if (fails) {
      this.dispatch.take([], false, this.now)
      this.looks.failed()
      return
    }
    const taken = this.dispatch.take(rows, look.first, this.now)
    const seen = { ...taken, count: rows.length, last: rows.at(-1)?.position, bytes: rows.length }
    const { hasRoom, unsureUpTo } = this.dispatch
    const coveredTo = this.looks.seen(look, seen, { now: this.now, hasRoom, unsureUpTo })
    if (coveredTo !== undefined) this.dispatch.endPass(coveredTo)
  }

  send(): void {
    this.onTheWay.push(...this.dispatch.next(this.now))
  }

  answer(nth: number, answer: Answer): void {
    if (this.onTheWay.length === 0) return
    const [row] = this.onTheWay.splice(nth % this.onTheWay.length, 1)
    if (row === undefined) return
    const error = new Error('no')
    const { position, message } = row
    const key = message.key ?? ''
    if (answer === 'stored') this.stored.set(key, [...(this.stored.get(key) ?? []), position])
    const change = this.dispatch.answered(
      position,
      answer === 'stored' ? { outcome: answer } : { outcome: answer, error },
      this.now,
    )
    if (change !== undefined) this.changes.push(change)
  }

  writeChanges(): void {
    for (const { change, position } of this.changes) {
      const row = this.table.get(position)
      if (change === 'remove') this.table.delete(position)
      else if (change === 'park') this.parked.add(position)
      else if (row !== undefined) this.table.set(position, { ...row, attempts: row.attempts + 1 })
    }
    this.dispatch.written(this.changes.filter(({ change }) => change !== 'refused').map(({ position }) => position))
    this.changes = []
  }

  /** Everything that is open commits, and the broker takes everything, for as long as it takes. */
  runDry(): void {
    for (const key of this.#open.keys()) this.commit(key)
    this.endLook(false)
    for (let round = 0; round < 2_000; round++) {
      this.now += 700_000 // beyond every wait
      this.looks.wake()
      for (let looks = 0; looks < 50 && this.beginLook(); looks++) this.endLook(false)
      this.send()
      while (this.onTheWay.length > 0) this.answer(0, 'stored')
      this.writeChanges()
      if (this.table.size === this.parked.size) return
    }
  }
}

const keys = fc.constantFrom('0', '1', '2', '3', '4')
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), key: keys }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), key: keys }) },
  fc.record({ do: fc.constant('begin' as const) }),
  fc.record({ do: fc.constant('end' as const), fails: fc.boolean() }),
  fc.record({ do: fc.constant('send' as const) }),
  fc.record({
    do: fc.constant('answer' as const),
    nth: fc.nat(9),
    answer: fc.constantFrom<Answer>('stored', 'stored', 'refused', 'unknown'),
  }),
  fc.record({ do: fc.constant('changes' as const) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 90, 600, 6_000) }),
)

test('every row is stored once or parked, each key in the order of its rows, and memory is bounded', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 50, maxLength: 400, size: 'max' }),
      fc.constantFrom(3, 1_000),
      (steps, maxGaps) => {
        const world = new World(maxGaps)
        for (const each of steps) {
          if (each.do === 'write') world.write(each.key)
          else if (each.do === 'commit') world.commit(each.key)
          else if (each.do === 'begin') world.beginLook()
          else if (each.do === 'end') world.endLook(each.fails)
          else if (each.do === 'send') world.send()
          else if (each.do === 'answer') world.answer(each.nth, each.answer)
          else if (each.do === 'changes') world.writeChanges()
          else world.now += each.ms
          expect(world.dispatch.queued).toBeLessThanOrEqual(LIMITS.maxQueued + LIMITS.maxInFlight)
          expect(world.dispatch.inFlight).toBeLessThanOrEqual(LIMITS.maxInFlight)
        }
        world.runDry()
        expect([...world.table.keys()].filter((position) => !world.parked.has(position))).toEqual([])
        for (const positions of world.stored.values())
          expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => (a < b ? -1 : 1)))
      },
    ),
    { numRuns: Number(process.env['WAYBILL_RUNS'] ?? 300) },
  )
}, 120_000)
