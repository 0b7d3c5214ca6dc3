import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Queue } from '../queue/queue.ts'
import { UnsettledDeliveries } from './unsettled-deliveries.ts'

// Never looked into.
const queue = {} as Queue

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 400 }), skip: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ settle: fc.nat(2_000) }) },
  { weight: 1, arbitrary: fc.record({ upTo: fc.nat(2_000) }) },
)

test('what is unsettled is what a map of tags would hold, whatever is settled in between', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const settled: number[] = []
      let told = 0
      const note = (_queue: Queue, position: number): void => void settled.push(position)
      const unsettled = new UnsettledDeliveries(() => told++)
      const model = new Map<number, number>()
      const expected: number[] = []
      const [answers, expectedAnswers]: [boolean[], boolean[]] = [[], []]
      let tag = 0
      const settle = (each: number): void => {
        expected.push(model.get(each) ?? -1)
        model.delete(each)
      }
      for (const each of commands) {
        if ('add' in each) {
          for (let n = 0; n < each.add; n++) {
            tag += 1 + each.skip
            unsettled.add(tag, queue, tag * 10, undefined)
            model.set(tag, tag * 10)
          }
        } else if ('settle' in each) {
          answers.push(unsettled.has(each.settle) && unsettled.settle(each.settle, note))
          expectedAnswers.push(model.has(each.settle))
          if (model.has(each.settle)) settle(each.settle)
        } else {
          unsettled.settleUpTo(each.upTo, note)
          for (const known of [...model.keys()].filter((one) => one <= each.upTo)) settle(known)
        }
        expect(unsettled.size).toBe(model.size)
      }
      expect(settled).toEqual(expected)
      expect(answers).toEqual(expectedAnswers)
      expect(told).toBe(settled.length)
    }),
  )
})
