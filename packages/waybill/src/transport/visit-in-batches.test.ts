import { describe, expect, test } from 'vitest'
import type { DeadLetterDecision, DeadLetterVisit } from './dead-letter-visit.ts'
import { message } from './fixtures.test-support.ts'
import { visitInBatches, type Decided, type Letter } from './visit-in-batches.ts'

const letters = (count: number): Letter[] => Array.from({ length: count }, (_, n) => ({ message: message(`m${n}`) }))

/** What was shown, batch by batch, and what was carried out. */
async function visited(count: number, visit: Partial<DeadLetterVisit>) {
  const all = letters(count)
  const shown: string[][] = []
  const done: Decided<Letter>[] = []
  const decide = visit.decide ?? ((batch) => Promise.resolve(batch.map(() => ({ action: 'remove' as const }))))
  await visitInBatches(
    {
      limit: 100,
      batch: 3,
      ...visit,
      decide: (batch) => {
        shown.push(batch.map(({ id }) => id))
        return decide(batch)
      },
    },
    (most) => Promise.resolve(all.splice(0, most)),
    (decided) => {
      done.push(...decided)
      return Promise.resolve()
    },
  )
  return {
    shown,
    done: done.map(({ letter, decision }) => `${decision.action} ${letter.message.id}`),
    left: all.length,
  }
}

describe('visitInBatches()', () => {
  test('shows batch after batch until nothing is left', async () => {
    const { shown, done } = await visited(5, {})
    expect(shown).toEqual([
      ['m0', 'm1', 'm2'],
      ['m3', 'm4'],
    ])
    expect(done).toEqual(['remove m0', 'remove m1', 'remove m2', 'remove m3', 'remove m4'])
  })

  test('shows no more than the limit', async () => {
    const { shown, left } = await visited(10, { limit: 4 })
    expect(shown).toEqual([['m0', 'm1', 'm2'], ['m3']])
    expect(left).toBe(6)
  })

  test('what is kept is not carried out, and a batch of such not at all', async () => {
    const keep = (batch: readonly unknown[]): Promise<DeadLetterDecision[]> =>
      Promise.resolve(batch.map((_, n) => ({ action: n === 1 ? 'remove' : 'keep' })))
    expect((await visited(4, { decide: keep })).done).toEqual(['remove m1'])
  })

  test('fewer decisions than letters: they are carried out, and the visit ends', async () => {
    const { shown, done } = await visited(9, { decide: () => Promise.resolve([{ action: 'remove' }]) })
    expect(shown).toHaveLength(1)
    expect(done).toEqual(['remove m0'])
  })

  test('more decisions than letters are a mistake, and nothing is carried out', async () => {
    const decide = (): Promise<DeadLetterDecision[]> => Promise.resolve([{ action: 'remove' }, { action: 'remove' }])
    await expect(visited(1, { decide })).rejects.toThrow(TypeError)
  })

  test('what decide throws ends the visit before anything of its batch is done', async () => {
    const error = new Error('not today')
    await expect(visited(3, { decide: () => Promise.reject(error) })).rejects.toBe(error)
  })
})
