import fc from 'fast-check'
import { expect, test } from 'vitest'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { Settlement, Subscription } from '../../transport/transport.ts'
import { Consumer } from './consumer.ts'
import { Lane } from './lane.ts'
import { Lanes } from './lanes.ts'
import { Quarantine } from './quarantine.ts'
import { silentLogger, type Logger } from '../observation/logger.ts'
import { deliveryOf } from '../stub-transport.test-support.ts'
import { ACKNOWLEDGED, type Process } from '../handling/outcome.ts'

function consumerOf(process: Process, own: Partial<Subscription> = {}, logger: Logger = silentLogger) {
  const runtime = virtualRuntime()
  const settled: Settlement[] = []
  const closed: number[] = []
  const options = { service: 's', channel: 'c', group: 'g', concurrency: 2, prefetch: 10, waitsAtMostMs: Infinity }
  const lane = new Lane({})
  const lanes = new Lanes({
    handlers: [lane],
    unknown: new Lane({}),
    laneOf: () => lane,
    quarantine: new Quarantine(20, runtime),
    onSuspect: () => {},
  })
  const beginBatch = () => expect.unreachable('no handler takes batches')
  const consumer = new Consumer(options, { process, lanes, beginBatch, runtime, logger })
  const attach = (): void =>
    consumer.attach({
      address: undefined,
      settle: (batch) => void settled.push(...batch),
      flow: () => {},
      close: (deadlineMs) => {
        closed.push(deadlineMs)
        return Promise.resolve()
      },
      ...own,
    })
  return { runtime, consumer, settled, closed, attach }
}

const deliveries = (count: number) => Array.from({ length: count }, (_, n) => deliveryOf('t', n))

test('receive() never runs more handlers than allowed, however the limits change, and settles each delivery once', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('deliver' as const), n: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ do: fc.constant('tune' as const), n: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ do: fc.constant('finish' as const), n: fc.nat(5) }),
    ),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const running: (() => void)[] = []
      let allowed = 2
      let delivered = 0
      const { consumer, settled, attach, runtime } = consumerOf(() => {
        expect(running.length).toBeLessThan(allowed)
        return new Promise((resolve) => running.push(() => resolve(ACKNOWLEDGED)))
      })
      attach()
      for (const { do: what, n } of script) {
        if (what === 'deliver') {
          delivered += n
          consumer.receive(deliveries(n))
        } else if (what === 'tune') {
          allowed = n
          consumer.tune(n, 10)
        } else running.splice(n, 1).forEach((finish) => finish())
        for (let hop = 0; hop < 6; hop++) await Promise.resolve()
        expect(consumer.running).toBe(running.length)
        expect(running.length).toBeGreaterThanOrEqual(Math.min(allowed, delivered - settled.length))
      }
      while (running.length > 0) {
        running.splice(0).forEach((finish) => finish())
        for (let hop = 0; hop < 6; hop++) await Promise.resolve()
      }
      expect(new Set(settled.map(({ delivery }) => delivery)).size).toBe(delivered)
      expect(settled).toHaveLength(delivered)
      expect(runtime.held).toEqual([])
    }),
    { numRuns: 100 },
  )
})

test.each([
  ['an object that cannot be made text', () => Object.create(null) as unknown],
  ['an error whose message is no text', () => Object.assign(new Error('x'), { message: { a: 1 } })],
  ['nothing', () => undefined],
])('a failure with %s is settled like any other', async (_, thrown) => {
  const { consumer, settled, attach } = consumerOf(() =>
    Promise.resolve({ action: 'retry', afterMs: 1, error: thrown() }),
  )
  attach()
  consumer.receive(deliveries(1))
  await expect.poll(() => settled.map(({ action }) => action)).toEqual(['retry'])
})

test('a delivery on whose way our own code fails becomes a dead letter, and the next one is handled', async () => {
  let first = true
  const { consumer, settled, attach } = consumerOf(() => {
    if (!first) return Promise.resolve(ACKNOWLEDGED)
    first = false
    throw new Error('a defect')
  })
  attach()
  consumer.tune(1, 10)
  consumer.receive(deliveries(2))
  await expect.poll(() => settled.map(({ action }) => action)).toEqual(['reject', 'ack'])
  expect(consumer.running).toBe(0)
})

test('a transport that throws at a settlement is reported, and does not end the process', async () => {
  const lines: string[] = []
  const { consumer, attach } = consumerOf(
    () => Promise.resolve(ACKNOWLEDGED),
    {
      settle: () => {
        throw new Error('no channel')
      },
    },
    { ...silentLogger, error: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`) },
  )
  attach()
  consumer.receive(deliveries(1))
  await expect.poll(() => lines).toEqual([expect.stringContaining('no channel')])
  expect(consumer.handled).toBe(1)
})

test('close() does not let the transport wait for deliveries that nobody will settle', async () => {
  const finish: (() => void)[] = []
  const { consumer, closed, attach, settled, runtime } = consumerOf(
    () => new Promise((resolve) => finish.push(() => resolve(ACKNOWLEDGED))),
  )
  attach()
  consumer.receive(deliveries(5))
  const closing = consumer.close(25_000)
  await runtime.advance(1_000)
  expect(closed).toEqual([]) // two are running
  finish.forEach((one) => one())
  await closing
  expect(closed).toEqual([0])
  expect(settled).toHaveLength(2)
  expect(finish).toHaveLength(2)
  expect(runtime.held).toEqual([])
})

test('close() leaves time to store a retry, even with others given back', async () => {
  const { consumer, closed, attach, runtime } = consumerOf(() =>
    Promise.resolve({ action: 'retry', afterMs: 0, error: new Error('x') }),
  )
  attach()
  consumer.receive(deliveries(5))
  const closing = consumer.close(25_000)
  await runtime.advance(0)
  await closing
  expect(closed[0]).toBeGreaterThan(0)
  expect(closed[0]).toBeLessThanOrEqual(2_000)
})

test('close() with handlers that never return ends at its deadline', async () => {
  const { consumer, closed, attach, runtime } = consumerOf(() => new Promise(() => {}))
  attach()
  consumer.receive(deliveries(5))
  const closing = consumer.close(10_000)
  await runtime.advance(10_000)
  await closing
  expect(closed).toEqual([0])
})

test('deliveries that come before the subscription is known are handled, and returned when it closes first', async () => {
  const { consumer, settled, attach } = consumerOf(() => Promise.resolve(ACKNOWLEDGED))
  consumer.receive(deliveries(3))
  expect(settled).toEqual([])
  attach()
  await expect.poll(() => settled.length).toBe(3)
  const other = consumerOf(() => expect.unreachable('it is closed'))
  other.consumer.receive(deliveries(3))
  await other.consumer.close(1_000)
  other.attach()
  expect(other.consumer.running).toBe(0)
})
