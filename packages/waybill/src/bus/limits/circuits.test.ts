// Handlers that are paused while what they need is down.
import { expect, test } from 'vitest'
import { contract, event, query, type } from '../../contract/contract.ts'
import { readFailures, timesPutOff } from '../../message/failure.ts'
import { circuitBreaker } from '../../resilience/circuit-breaker.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { testBus } from '../../testing/test-bus.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { deliveryOf, stubTransport } from '../stub-transport.test-support.ts'

const work = contract(
  'work',
  { shards: 4 },
  {
    asked: event(type<number>(), { key: (n) => String(n % 3) }),
    other: event(type<number>()),
    price: query(type<number>(), type<number>()),
  },
)
const loose = { rethrow: false } as const

/** A dependency that is up or down, and counts. */
class Bank {
  isUp = true
  calls = 0

  charge(): Promise<void> {
    this.calls++
    return this.isUp ? Promise.resolve() : Promise.reject(new Error('connection refused'))
  }
}

test('a minute without the dependency under 500 messages a second: no dead letter, no hot loop, and soon all is done', async () => {
  const bank = new Bank()
  const handled = new Set<number>()
  const breaker = circuitBreaker('bank')
  const payments = service('payments').on(
    work.asked,
    async (n) => {
      await breaker.call(() => bank.charge())
      handled.add(n)
    },
    { breaker },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  let sent = 0
  const second = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) {
      await Promise.all(Array.from({ length: 50 }, () => bus.publish(work.asked, sent++)))
      await bus.advance('100ms')
    }
  }
  await second()
  expect(handled.size).toBe(500)
  bank.isUp = false
  bank.calls = 0
  for (let n = 0; n < 60; n++) await second()
  const callsWhileDown = bank.calls
  bank.isUp = true
  await second()
  for (let n = 0; n < 60 && handled.size < sent; n++) await bus.advance('1s')
  expect(handled.size).toBe(sent)
  expect(bus.deadLetters()).toEqual([])
  // Until it opened those that ran, then one probe for each reset time: 1, 2, 4, 8, 16, 30 s.
  expect(callsWhileDown).toBeLessThanOrEqual(16 + 7)
  expect(bus.tally(work.asked).retried).toBeLessThanOrEqual(16)
}, 60_000)

test('while a circuit is open nothing begins, health says so, and the first success begins the rest', async () => {
  const bank = new Bank()
  bank.isUp = false
  const payments = service('payments').on(work.asked, () => bank.charge(), {
    killSwitch: { consecutiveFailures: 3, resetTime: '10s' },
    concurrency: 1,
    retry: { attempts: 5, immediate: 0 },
  })
  await using bus = await testBus({ ...loose, services: [payments] })
  for (let n = 0; n < 20; n++) await bus.publish(work.asked, n)
  await bus.advance('5s')
  expect(bank.calls).toBe(3)
  const { healthy, subscriptions } = await bus.health()
  expect([healthy, subscriptions[0]?.pausedBy, subscriptions[0]?.state]).toEqual([
    true,
    ['payments.work.asked'],
    'consuming',
  ])
  bank.isUp = true
  await bus.advance('6s')
  expect(bank.calls).toBe(3 + 20)
  expect((await bus.health()).subscriptions[0]?.pausedBy).toEqual([])
  expect(bus.deadLetters()).toEqual([])
})

test('what fails as a probe is put off with its attempt and history as they were', async () => {
  const seen: [attempt: number, putOff: number, failures: number][] = []
  const payments = service('payments').on(
    work.asked,
    (_, { attempt, message: { headers } }) => {
      seen.push([attempt, timesPutOff(headers), readFailures(headers).length])
      throw new Error('down')
    },
    { killSwitch: { consecutiveFailures: 2, resetTime: '1s', maxResetTime: '1s' }, retry: { attempts: 4 } },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  await bus.publish(work.asked, 1)
  await bus.advance('10s')
  expect(seen.slice(0, 5)).toEqual([
    [1, 0, 0],
    [2, 0, 1],
    [3, 0, 2],
    [3, 1, 2],
    [3, 2, 2],
  ])
  // Not in step with the circuit, and never more often.
  expect(seen.length).toBeLessThanOrEqual(2 + 10)
  expect(bus.deadLetters()).toEqual([])
})

test('one message that always fails does not keep the circuit open once another comes, and has its attempts', async () => {
  const payments = service('payments').on(
    work.asked,
    (n) => {
      if (n === 13) throw new Error('always')
    },
    {
      killSwitch: { consecutiveFailures: 2, failureRate: false, resetTime: '1s' },
      retry: { attempts: 6, jitter: false },
    },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  await bus.publish(work.asked, 13)
  for (let n = 0; n < 300; n++) {
    await bus.publish(work.asked, 100 + n)
    await bus.advance('200ms')
  }
  expect(bus.deadLetters()).toMatchObject([{ reason: 'failed', detail: 'always', message: { attempt: 6 } }])
  expect(bus.tally(work.asked).processed).toBe(300)
})

test('one message alone that always fails is a dead letter in the end', async () => {
  const payments = service('payments').on(
    work.asked,
    () => {
      throw new Error('always')
    },
    {
      killSwitch: { consecutiveFailures: 2, resetTime: '1s', maxResetTime: '1s', maxPutOffs: 20 },
      retry: { attempts: 3 },
    },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  await bus.publish(work.asked, 1)
  await bus.advance('2m')
  expect(bus.deadLetters()).toMatchObject([{ reason: 'failed', detail: 'always' }])
  expect(timesPutOff(bus.deadLetters()[0]?.message.headers ?? {})).toBe(20)
})

test('a handler whose call is refused by a breaker that does not pause it comes again when the circuit may be closed', async () => {
  const bank = new Bank()
  bank.isUp = false
  const breaker = circuitBreaker('bank', { consecutiveFailures: 1, resetTime: '5s' })
  let runs = 0
  const payments = service('payments').on(work.asked, async () => {
    runs++
    await breaker
      .call(() => bank.charge())
      .catch((cause: unknown) => {
        throw new Error('could not charge', { cause })
      })
  })
  const runtime = virtualRuntime()
  const stub = stubTransport()
  await using bus = await createBus({ runtime, services: [payments], transport: () => stub.transport, logger: silentLogger, drainOn: [] }) // prettier-ignore
  ;(breaker as unknown as { useRuntime(clock: typeof runtime): void }).useRuntime(runtime) // no bus pauses by it
  for (const n of [1, 2]) {
    stub.subscriptions[0]?.receive([deliveryOf('work.asked', n)])
    await runtime.settle()
  }
  const settled = stub.subscriptions[0]?.settled ?? []
  expect([runs, bank.calls]).toEqual([2, 1])
  expect(settled).toMatchObject([
    { action: 'retry', attempt: 2, failure: { message: 'could not charge' } },
    { action: 'retry', attempt: 1 },
  ])
  const [, putOff] = settled
  expect(putOff).not.toHaveProperty('failure')
  expect(putOff?.action === 'retry' && putOff.afterMs).toBeGreaterThanOrEqual(5_000)
  expect(bus.subscriptions[0]?.handled).toBe(1)
})

test('a question is not kept waiting for a circuit: who asks is told at once', async () => {
  let [asked, isDown] = [0, true]
  const answerer = service('answerer').answer(
    work.price,
    (n) => {
      asked++
      if (isDown) throw new Error('down')
      return n
    },
    { killSwitch: { consecutiveFailures: 1, resetTime: '1m' } },
  )
  await using bus = await testBus({ ...loose, services: [answerer, service('asker').onReply(work.price, () => {})] })
  await expect(bus.request(work.price, 1)).rejects.toThrow('down')
  await expect(bus.request(work.price, 2)).rejects.toMatchObject({ remote: { code: 'WAYBILL_CIRCUIT_OPEN' } })
  // Who does not wait is answered later.
  await bus.requestAsync(work.price, 3, { replyTo: 'asker' })
  await bus.settle()
  expect([asked, bus.deadLetters(), bus.subscription('answerer', work.price).pausedBy]).toEqual([
    1,
    [],
    ['answerer.work.price'],
  ])
  isDown = false
  await bus.advance('1m')
  expect(await bus.request(work.price, 4)).toBe(4)
  await bus.advance('1m')
  expect([asked, bus.subscription('answerer', work.price).pausedBy]).toEqual([3, []])
})

test('an error that does not count fails its message as ever while the circuit is half-open', async () => {
  class Declined extends Error {}
  let down = true
  const payments = service('payments').on(
    work.asked,
    (n) => {
      if (n === 2) throw new Declined('declined')
      if (down) throw new Error('down')
    },
    {
      killSwitch: { consecutiveFailures: 1, resetTime: '1s', counts: (error) => !(error instanceof Declined) },
      retry: { giveUpOn: [Declined] },
    },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  await bus.publish(work.asked, 1)
  await bus.publish(work.asked, 2)
  down = false
  await bus.advance('5s')
  expect(bus.deadLetters()).toMatchObject([{ reason: 'failed', detail: 'declined' }])
  expect(bus.tally(work.asked).processed).toBe(1)
})

test('an ordered subscription keeps the order of its keys through an outage', async () => {
  const bank = new Bank()
  const order = new Map<number, number[]>()
  const payments = service('payments').on(
    work.asked,
    async (n) => {
      await bank.charge()
      order.set(n % 3, [...(order.get(n % 3) ?? []), n])
    },
    { ordered: true, killSwitch: { consecutiveFailures: 2, resetTime: '1s' } },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  const numbers = Array.from({ length: 60 }, (_, n) => n)
  for (const n of numbers) {
    bank.isUp = n < 10 || n > 40
    await bus.publish(work.asked, n)
    await bus.advance('200ms')
  }
  await bus.advance('2m')
  for (const key of [0, 1, 2]) expect(order.get(key)).toEqual(numbers.filter((n) => n % 3 === key))
  expect(bus.deadLetters()).toEqual([])
})

test('an operator who trips a breaker pauses its handlers until it is reset', async () => {
  const breaker = circuitBreaker('maintenance')
  const handled: number[] = []
  const payments = service('payments').on(work.asked, (n) => void handled.push(n), { breaker })
  await using bus = await testBus({ services: [payments] })
  breaker.trip()
  await bus.publish(work.asked, 1)
  await bus.advance('1h')
  expect(handled).toEqual([])
  breaker.reset()
  await bus.settle()
  expect(handled).toEqual([1])
})

test('what waits too long for the engine while a circuit is open goes back in time, with no attempt counted', async () => {
  const breaker = circuitBreaker('bank')
  const runtime = virtualRuntime()
  const limits = await stubTransport().transport.routeFacts({ channel: work.asked.channel, name: 'g', ordered: false })
  const stub = stubTransport({
    routeFacts: () =>
      Promise.resolve({ ...limits, limits: { ...limits.limits, settleWithinMs: { value: 60_000, source: 'told' } } }),
  })
  const payments = service('payments').on(work.asked, () => {}, { breaker, timeout: '10s' })
  await using bus = await createBus({ runtime, services: [payments], transport: () => stub.transport, logger: silentLogger, drainOn: [] }) // prettier-ignore
  breaker.trip()
  stub.subscriptions[0]?.receive([deliveryOf('work.asked', 1), deliveryOf('work.asked', 2)])
  await runtime.advance(29_999)
  expect(stub.subscriptions[0]?.settled).toEqual([])
  await runtime.advance(1)
  expect(stub.subscriptions[0]?.settled).toMatchObject([
    { action: 'retry', attempt: 1 },
    { action: 'retry', attempt: 1 },
  ])
  expect(bus.subscriptions[0]?.running).toBe(0)
})

test('what expires while its handler is paused is not handled', async () => {
  const breaker = circuitBreaker('bank')
  const payments = service('payments').on(work.asked, () => expect.unreachable('it has expired'), { breaker })
  await using bus = await testBus({ ...loose, services: [payments] })
  breaker.trip()
  await bus.publish(work.asked, 1, { expiresIn: '10s' })
  await bus.advance('11s')
  breaker.reset()
  await bus.settle()
  expect(bus.deadLetters()).toMatchObject([{ reason: 'expired' }])
})

test('a drain gives back what waits for a paused handler, and waits for nothing', async () => {
  const breaker = circuitBreaker('bank')
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const payments = service('payments').on(work.asked, () => {}, { breaker })
  const bus = await createBus({ runtime, services: [payments], transport: () => stub.transport, logger: silentLogger, drainOn: [] }) // prettier-ignore
  breaker.trip()
  stub.subscriptions[0]?.receive([deliveryOf('work.asked', 1), deliveryOf('work.asked', 2)])
  await runtime.settle()
  await bus.drain('10s')
  expect([stub.subscriptions[0]?.settled, stub.subscriptions[0]?.closed]).toEqual([[], 0])
  expect(runtime.timers).toEqual([])
  breaker.reset()
})

test('an error that no retry cures fails its message as ever, and is no reason for a kill switch', async () => {
  class Declined extends Error {}
  const payments = service('payments').on(
    work.asked,
    () => {
      throw new Declined('declined')
    },
    { killSwitch: { consecutiveFailures: 2, resetTime: '1s' }, retry: { giveUpOn: [Declined] } },
  )
  await using bus = await testBus({ ...loose, services: [payments] })
  for (let n = 0; n < 10; n++) await bus.publish(work.asked, n)
  await bus.settle()
  expect(bus.deadLetters()).toHaveLength(10)
  expect(bus.subscriptions[0]?.pausedBy).toEqual([])
})

test('what waits for a circuit when its subscription is lost is not handled twice', async () => {
  const breaker = circuitBreaker('bank')
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const seen: number[] = []
  const payments = service('payments')
    .on(work.asked, (n) => void seen.push(n), { breaker, ordered: true })
    .answer(work.price, (n) => n, { breaker })
  const alone = service('alone').on(work.other, (n) => void seen.push(n), { breaker })
  await using bus = await createBus({ runtime, services: [payments, alone], transport: () => stub.transport, logger: silentLogger, drainOn: [] }) // prettier-ignore
  breaker.trip()
  const [ordered, , unordered] = stub.subscriptions
  ordered?.receive([{ ...deliveryOf('work.asked', 1), shard: 1 }, { ...deliveryOf('work.asked', 2), shard: 2 }]) // prettier-ignore
  unordered?.receive([deliveryOf('work.other', 3), deliveryOf('work.other', 4)])
  stub.emit({ type: 'shard-revoked', channel: 'work', group: 'payments', shard: 1 })
  stub.emit({ type: 'subscription-lost', channel: 'work', group: 'alone', error: new Error('cut') })
  stub.emit({ type: 'subscription-restored', channel: 'work', group: 'alone' })
  unordered?.receive([deliveryOf('work.other', 3, {}, 2)])
  breaker.reset()
  await runtime.settle()
  expect(seen).toEqual([2, 3])
  expect(bus.subscriptions.map(({ state }) => state)).toEqual(['consuming', 'consuming', 'consuming'])
})

test('a paused handler does not keep the others of its subscription waiting, however many messages wait for it', async () => {
  const breaker = circuitBreaker('bank')
  let others = 0
  const payments = service('payments')
    .on(work.asked, () => {}, { breaker, concurrency: 2 })
    .on(work.other, () => void others++)
  await using bus = await testBus({ services: [payments] })
  breaker.trip()
  for (let n = 0; n < 100; n++) {
    await bus.publish(work.asked, n)
    await bus.publish(work.other, n)
  }
  await bus.advance('2m')
  expect([others, bus.tally(work.asked).processed]).toEqual([100, 0])
  breaker.reset()
  await bus.advance('1m')
  expect(bus.tally(work.asked)).toMatchObject({ processed: 100, retried: 0, deadLettered: 0 })
})
