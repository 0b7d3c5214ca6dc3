import { expect, test } from 'vitest'
import { contract, event, type } from '../../contract/contract.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import { circuitBreaker } from '../../resilience/circuit-breaker.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import type { SubscriberOptions } from '../service/handler-options.ts'
import { deliveryOf, stubTransport } from '../stub-transport.test-support.ts'

const work = contract('work', { done: event(type<number>()), other: event(type<number>()) })

async function busWith(options: SubscriberOptions = {}) {
  const runtime = virtualRuntime()
  const stub = stubTransport()
  const running = new Map<number, () => void>()
  const handle = (n: number): Promise<void> => new Promise((resolve) => void running.set(n, resolve))
  const finish = async (n: number): Promise<void> => {
    running.get(n)?.()
    running.delete(n)
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve))
  }
  const warned: object[] = []
  const bus = await createBus({
    runtime,
    services: [service('s').on(work.done, handle, options).on(work.other, handle)],
    transport: () => stub.transport,
    logger: { ...silentLogger, warn: (about) => void warned.push(about) },
    drainOn: [],
  })
  const receive = (n: number, count = 1, which = 'work.done'): void =>
    stub.subscriptions[0]?.receive([deliveryOf(which, n, {}, count)])
  return { bus, runtime, stub, running, finish, receive, warned }
}

test('what was handed out again and again is handled alone, and others before and after it side by side', async () => {
  const { running, finish, receive, warned, runtime } = await busWith()
  for (const n of [1, 2]) receive(n, 4)
  receive(3, 5)
  receive(4)
  expect([...running.keys()]).toEqual([1, 2])
  expect(warned.at(-1)).toMatchObject({ type: 'work.done', deliveries: 5 })
  await finish(1)
  await finish(2)
  expect([...running.keys()]).toEqual([3])
  await finish(3)
  await runtime.advance(100)
  expect([...running.keys()]).toEqual([4])
  await finish(4)
})

test('suspects are handled one after another, with time between for the acknowledgement', async () => {
  const { running, finish, receive, runtime, stub } = await busWith()
  for (const n of [1, 2, 3]) receive(n, 7)
  receive(4)
  const order: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    expect(running.size).toBe(1)
    const [n = 0] = running.keys()
    order.push(n)
    await finish(n)
    expect(stub.subscriptions[0]?.settled).toHaveLength(turn + 1)
    await runtime.advance(99)
    expect([...running.keys()].filter((each) => each !== 4)).toEqual([])
    await runtime.advance(1)
  }
  expect(order.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
  expect([...running.keys()]).toEqual([4])
  await finish(4)
})

test('a suspect whose handler is paused goes back, so that it is not counted while it cannot have done anything', async () => {
  const breaker = circuitBreaker('b')
  const { running, finish, receive, stub } = await busWith({ breaker })
  breaker.trip()
  receive(1, 7)
  receive(2, 1, 'work.other')
  expect([...running.keys()]).toEqual([2])
  await finish(2)
  expect(stub.subscriptions[0]?.settled).toMatchObject([{ action: 'retry', attempt: 1 }, { action: 'ack' }])
})

test('a suspect whose handler is paused while it waits keeps nobody waiting', async () => {
  const breaker = circuitBreaker('b')
  const { running, finish, receive } = await busWith({ breaker })
  receive(1, 1, 'work.other')
  receive(2, 7)
  receive(3, 1, 'work.other')
  breaker.trip()
  await finish(1)
  expect([...running.keys()]).toEqual([3])
  await finish(3)
  breaker.reset()
  expect([...running.keys()]).toEqual([2])
  await finish(2)
})
