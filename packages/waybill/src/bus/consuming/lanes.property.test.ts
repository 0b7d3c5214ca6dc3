// A subscription with handlers of all sorts, under everything that may happen to it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Breaker } from '../../resilience/circuit-breaker.ts'
import { RateLimit } from '../../resilience/rate-limit.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { Delivery, Settlement } from '../../transport/transport.ts'
import { Consumer } from './consumer.ts'
import { KeyedRate } from '../limits/keyed-rate.ts'
import { Lane } from './lane.ts'
import { Lanes } from './lanes.ts'
import { silentLogger } from '../observation/logger.ts'
import { ACKNOWLEDGED, type Outcome } from '../handling/outcome.ts'
import { Quarantine } from './quarantine.ts'
import { deliveryOf } from '../stub-transport.test-support.ts'
import { HandlerCircuit } from '../limits/handler-circuit.ts'

const TYPES = ['plain', 'narrow', 'paused', 'rated', 'keyed', 'batched', 'unknown'] as const
const CONCURRENCY = 4
const PREFETCH = 12

function world() {
  const runtime = virtualRuntime()
  const breaker = new Breaker('b', { consecutiveFailures: 2, resetTime: '1s' })
  breaker.useRuntime(runtime)
  const rate = { limit: 2, per: 1_000 } as const
  const keyOf = ({ message }: Delivery): string => message.key ?? ''
  const lanes: Readonly<Record<string, Lane>> = {
    plain: new Lane({}),
    narrow: new Lane({ bulkhead: 1 }),
    paused: new Lane({ circuit: new HandlerCircuit(breaker, true, true, () => false) }),
    rated: new Lane({ rate: new RateLimit(rate, 'rate') }),
    keyed: new Lane({ keyed: new KeyedRate(new RateLimit(rate, 'rate'), keyOf, runtime) }),
    batched: new Lane({ batch: { size: 3, waitMs: 200 } }),
  }
  const unknown = new Lane({})
  const running = new Map<Delivery, (outcome: Outcome) => void>()
  const settlements: Settlement[] = []
  const consumer = new Consumer(
    { service: 's', channel: 'c', group: 'g', concurrency: CONCURRENCY, prefetch: PREFETCH, waitsAtMostMs: 20_000 },
    {
      process: (delivery) => new Promise((resolve) => void running.set(delivery, resolve)),
      lanes: new Lanes({
        handlers: Object.values(lanes),
        unknown,
        laneOf: ({ message }) => lanes[message.type] ?? unknown,
        quarantine: new Quarantine(20, runtime),
        onSuspect: () => {},
      }),
      beginBatch: () => () => {},
      runtime,
      logger: silentLogger,
    },
  )
  breaker.onChange(() => consumer.start())
  consumer.attach({
    address: undefined,
    settle: (batch) => void settlements.push(...batch),
    flow: () => {},
    close: () => Promise.resolve(),
  })
  return { runtime, consumer, lanes, running, settlements }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const), type: fc.constantFrom(...TYPES), key: fc.constantFrom('a', 'b'), count: fc.constantFrom(1, 1, 1, 9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), nth: fc.nat(5), well: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1_500) }) },
) // prettier-ignore

test('each delivery is settled once, within every limit, and none is forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const { runtime, consumer, lanes, running, settlements } = world()
      const wrong: string[] = []
      let delivered = 0
      const unsettled = (): number => delivered - settlements.length
      const check = (): void => {
        if (consumer.running > CONCURRENCY) wrong.push(`${consumer.running} run`)
        const narrow = [...running.keys()].filter(({ message }) => message.type === 'narrow')
        if (narrow.length > 1) wrong.push(`${narrow.length} of a bulkhead of one`)
        const suspects = [...running.keys()].filter(({ deliveryCount }) => deliveryCount === 9)
        if (suspects.length > 0 && running.size > 1) wrong.push('a suspect is not alone')
      }
      const finish = async (nth: number, well: boolean): Promise<void> => {
        const delivery = [...running.keys()][nth % Math.max(1, running.size)]
        if (delivery === undefined) return
        running.get(delivery)?.(well ? ACKNOWLEDGED : { action: 'retry', afterMs: 0, error: new Error('x') })
        running.delete(delivery)
        await runtime.advance(0)
      }
      for (const each of steps) {
        if (each.do === 'deliver' && unsettled() < PREFETCH) {
          delivered++
          consumer.receive([deliveryOf(each.type, 1, { key: each.key }, each.count)])
          await runtime.advance(0)
        } else if (each.do === 'finish') await finish(each.nth, each.well)
        else if (each.do === 'wait') await runtime.advance(each.ms)
        check()
      }
      // In the end everything goes well.
      for (let n = 0; n < 200 && unsettled() > 0; n++) {
        await finish(0, true)
        if (running.size === 0) await runtime.advance(500)
        check()
      }
      expect(wrong).toEqual([])
      expect(new Set(settlements.map(({ delivery }) => delivery)).size).toBe(delivered)
      expect(settlements).toHaveLength(delivered)
      expect([consumer.running, runtime.held]).toEqual([0, []])
      expect(Object.values(lanes).every((lane) => lane.isEmpty && lane.running === 0)).toBe(true)
    }),
    { numRuns: 150 },
  )
})
