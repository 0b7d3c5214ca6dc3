import { describe, expect, test } from 'vitest'
import { DeliveryCounts, type TakenShard } from './delivery-counts.ts'

const NEVER = (): boolean => false

function bench(): { counts: DeliveryCounts; log: string[]; taken: (more?: Partial<TakenShard>) => TakenShard } {
  const log: string[] = []
  const counts = new DeliveryCounts({
    store: (place, count, stored) => {
      log.push(`store ${place} ${count}`)
      stored()
    },
    done: (offset) => void log.push(`done ${offset}`),
  })
  const taken = (more: Partial<TakenShard> = {}): TakenShard => ({
    marker: 50n,
    ends: { main: 10n, again: 5n },
    window: 1,
    wasDone: { main: NEVER, lane: NEVER, again: NEVER },
    ...more,
  })
  return { counts, log, taken }
}

const main = (offset: bigint) => ({ from: 'main', offset }) as const
const lane = (offset: bigint) => ({ from: 'lane', offset }) as const

describe('who is suspected', () => {
  test('nobody, where no owner was before', () => {
    const { counts, taken } = bench()
    counts.open(taken({ marker: 0n }))
    expect([counts.isSuspect(main(3n)), counts.isSuspect(lane(0n))]).toEqual([false, false])
  })

  test('nobody, where the former owner has said that nothing is unsettled', () => {
    const { counts, taken } = bench()
    counts.heard({ word: 'marker' }, 40n, true)
    counts.heard({ word: 'left' }, 45n, true)
    counts.open(taken())
    expect([counts.isSuspect(main(3n)), counts.isSuspect(lane(44n))]).toEqual([false, false])
  })

  test('all that the former owner may have had, where it has not', () => {
    const { counts, taken } = bench()
    counts.heard({ word: 'left' }, 30n, true)
    counts.heard({ word: 'marker' }, 40n, true)
    counts.heard({ word: 'marker' }, 50n, false)
    counts.open(taken())
    expect([counts.isSuspect(main(9n)), counts.isSuspect(main(10n))]).toEqual([true, false])
    expect([counts.isSuspect(lane(49n)), counts.isSuspect(lane(51n))]).toEqual([true, false])
  })

  test('no more of the channel than an owner has in its gate', () => {
    const { counts, taken } = bench()
    counts.open(taken({ ends: { main: 10_000n, again: 0n } }))
    const suspects = Array.from({ length: 2_000 }, (_, n) => counts.isSuspect(main(BigInt(n))))
    expect(suspects.lastIndexOf(true)).toBe(999)
  })

  test('what was counted before, whoever has let go since', () => {
    const { counts, taken } = bench()
    counts.heard({ word: 'counted', place: 'main/7', count: 2 }, 44n, true)
    counts.heard({ word: 'left' }, 45n, true)
    counts.open(taken())
    expect([counts.isSuspect(main(7n)), counts.isSuspect(main(8n))]).toEqual([true, false])
  })
})

describe('a count', () => {
  const counted = (counts: DeliveryCounts, place: string): number | undefined => {
    let answer: number | undefined
    counts.count(place, (count) => (answer = count))
    return answer
  }

  test('goes on from the note, and adds the time that nobody counted', () => {
    const { counts, log, taken } = bench()
    counts.heard({ word: 'counted', place: 'main/7', count: 2 }, 44n, true)
    counts.open(taken())
    expect(counted(counts, 'main/7')).toBe(4)
    expect(counted(counts, 'main/8')).toBe(2)
    expect(log).toEqual(['store main/7 3', 'store main/8 1'])
  })

  test('is kept in the lane until its message is settled, and the note before it until then alone', () => {
    const { counts, log, taken } = bench()
    counts.heard({ word: 'counted', place: 'main/7', count: 1 }, 44n, true)
    counts.open(taken())
    counted(counts, 'main/7')
    counts.heard({ word: 'counted', place: 'main/7', count: 2 }, 51n, false)
    expect(log.at(-1)).toBe('done 44')
    counts.settled('main/7')
    expect(log.at(-1)).toBe('done 51')
  })

  test('whose message was settled before the note came back needs no place', () => {
    const { counts, log, taken } = bench()
    counts.open(taken())
    counted(counts, 'main/7')
    counts.settled('main/7')
    counts.heard({ word: 'counted', place: 'main/7', count: 1 }, 51n, false)
    expect(log).toEqual(['store main/7 1', 'done 51'])
  })

  test('of a message that is known to be settled, or of none, is forgotten at once', () => {
    const { counts, log, taken } = bench()
    counts.heard({ word: 'counted', place: 'main/3', count: 1 }, 41n, true)
    counts.heard({ word: 'counted', place: 'lane/9', count: 1 }, 42n, true)
    counts.heard({ word: 'counted', place: 'elsewhere/9', count: 1 }, 43n, true)
    counts.open(taken({ wasDone: { main: (offset) => offset < 5n, lane: () => true, again: NEVER } }))
    expect(log).toEqual(['done 41', 'done 42', 'done 43'])
  })

  test('that lies there for long is stored once more, behind everything', () => {
    const { counts, log, taken } = bench()
    counts.heard({ word: 'counted', place: 'main/7', count: 2 }, 44n, true)
    counts.open(taken())
    counts.renew(44n)
    counts.heard({ word: 'counted', place: 'main/7', count: 2 }, 900n, false)
    expect(log).toEqual(['store main/7 2', 'done 44'])
  })
})
