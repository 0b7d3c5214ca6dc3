import { expect, test } from 'vitest'
import { WaybillError } from '../../message/errors.ts'
import type { Publication, PublishResult } from '../amqp/engine.ts'
import { publication } from './broker.test-support.ts'
import { publishDelayed } from './delayed-publisher.ts'
import { Delays } from './delays.ts'

interface Bench {
  readonly delays: Delays
  readonly publisher: { publish(batch: readonly Publication[]): Promise<readonly PublishResult[]> }
  /** What was bound and published, in order. */
  readonly log: string[]
  /** Queues there are, and those that are bound. */
  readonly queues: Set<string>
  readonly bound: Set<string>
}

/** A broker of queues: what is delayed needs a binding, what is not needs its queue. */
function bench(): Bench {
  const log: string[] = []
  const queues = new Set(['a', 'b'])
  const bound = new Set<string>()
  const delays = new Delays({
    bind: async (queue) => {
      log.push(`bind ${queue}`)
      if (!queues.has(queue)) throw new WaybillError('WAYBILL_NOT_FOUND', queue)
      bound.add(queue)
    },
    route: ({ routingKey }) => ({ exchange: 'delayed', routingKey }),
  })
  const publish = async (batch: readonly Publication[]): Promise<readonly PublishResult[]> => {
    if (batch.length > 0) log.push(`publish ${batch.map((each) => String(each.message.body)).join(' ')}`)
    return batch.map(({ routingKey, delayMs = 0 }) => ({
      outcome: (delayMs > 0 ? bound : queues).has(routingKey) ? 'accepted' : 'unroutable',
    }))
  }
  return { delays, publisher: { publish }, log, queues, bound }
}

const later = (queue: string, text: string): Publication => publication(queue, text, { delayMs: 1 })
const outcomes = (results: readonly PublishResult[]): string[] => results.map((each) => each.outcome)

test('publishDelayed() binds each queue once, sends what is not delayed ahead, and answers in order', async () => {
  const { delays, publisher, log } = bench()
  const batch = [later('a', '1'), publication('a', '2'), later('none', '3'), publication('none', '4'), later('b', '5')]
  expect(outcomes(await publishDelayed(batch, publisher, delays))).toEqual([
    'accepted',
    'accepted',
    'unroutable',
    'unroutable',
    'accepted',
  ])
  expect(log).toEqual(['publish 2 4', 'bind a', 'bind none', 'bind b', 'publish 1 5'])
  log.length = 0
  await publishDelayed([later('a', '6'), publication('b', '7')], publisher, delays)
  expect(log).toEqual(['publish 6 7'])
})

test('publishDelayed() binds a queue again whose binding went with it, and tells when the queue is gone for good', async () => {
  const { delays, publisher, log, queues, bound } = bench()
  await publishDelayed([later('a', ''), later('b', '')], publisher, delays)
  bound.clear()
  queues.delete('b')
  log.length = 0
  const results = await publishDelayed([later('a', '1'), publication('a', '2'), later('b', '3')], publisher, delays)
  expect(outcomes(results)).toEqual(['accepted', 'accepted', 'unroutable'])
  expect(log).toEqual(['publish 1 2 3', 'bind a', 'bind b', 'publish 1'])
})

test('publishDelayed() refuses the delayed alone where the broker has no means', async () => {
  const { publisher } = bench()
  const results = await publishDelayed([later('a', '1'), publication('a', '2')], publisher, undefined)
  expect(results).toMatchObject([
    { outcome: 'refused', error: { code: 'WAYBILL_UNSUPPORTED' } },
    { outcome: 'accepted' },
  ])
})

test('Delays forgets a queue that is deleted while it is being bound', async () => {
  const { delays } = bench()
  const binding = delays.ready('a')
  delays.forget('a')
  await binding
  expect(delays.isReady('a')).toBe(false)
  await delays.ready('a')
  expect(delays.isReady('a')).toBe(true)
})

test('Delays takes no delayed message to an exchange', () => {
  const { delays } = bench()
  expect(() => delays.route(publication('', '', { exchange: 'orders', delayMs: 1 }))).toThrow('WAYBILL_UNSUPPORTED')
})
