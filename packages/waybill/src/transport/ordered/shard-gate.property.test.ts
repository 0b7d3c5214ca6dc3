import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { World } from './shard-world.test-support.ts'

const KEYS = ['a', 'b', 'c']

const plan = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 40, arbitrary: fc.integer({ min: 0, max: 15 }) },
      { weight: 4, arbitrary: fc.constant(16) },
      { weight: 1, arbitrary: fc.integer({ min: 18, max: 24 }) },
    ),
    fc.nat(65_535),
  ),
  { minLength: 100, maxLength: 1_500, size: 'max' },
)
const published = fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 40, size: 'max' })

test('ShardGate keeps order per key and loses nothing, whatever fails and whoever dies', () => {
  fc.assert(
    fc.property(plan, published, fc.constantFrom(1, 3, 1_000), (steps, keys, laneLimit) => {
      const world = new World(keys, laneLimit)
      for (const [choice, extra] of steps) world.step(choice, extra)
      world.drain()
      expect(world.main.stored).toEqual([])
      // The last owner's token alone.
      expect(world.lane.stored.map(({ message }) => message.token)).toEqual([world.claimed.at(-1)])
      expect(world.claimed).toEqual([...new Set(world.claimed)].toSorted((a, b) => a - b))
      expect(world.owners.map((owner) => owner.gate.laneLength)).toEqual([0])
      for (const key of KEYS) {
        const wanted = keys.flatMap((each, n) => (each === key ? [`${key}${n}`] : []))
        expect([...new Set(world.handled.filter((id) => id.startsWith(key)))]).toEqual(wanted)
      }
    }),
    { numRuns: Number(process.env['WAYBILL_RUNS'] ?? 300) },
  )
})
