import { afterEach, expect, test, vi } from 'vitest'
import { command, contract, event, query, type } from '../../contract/contract.ts'
import { WaybillError } from '../../message/errors.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { Transport } from '../../transport/transport.ts'
import type { Bus } from '../bus.ts'
import type { BusOptions } from '../settings/bus-options.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { deliveryOf, stubTransport } from '../stub-transport.test-support.ts'

const work = contract('work', {
  done: event(type<number>()),
  go: command(type<number>(), { reply: type<number>() }),
  ask: query(type<number>(), type<number>()),
})
const never = new Promise<never>(() => {})
const wait = (): Promise<never> => never

async function busOn(own: Partial<Transport>, options: BusOptions = {}) {
  const runtime = virtualRuntime()
  const stub = stubTransport(own)
  const quiet = { runtime, logger: silentLogger, drainOn: [], transport: () => stub.transport }
  const bus = await createBus({ ...quiet, ...options })
  return { bus, stub, runtime }
}

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as { code?: string }).code ?? error,
  )

/** Whether `promise` has ended once `ms` have passed. */
async function endsWithin(runtime: ReturnType<typeof virtualRuntime>, ms: number, promise: Promise<unknown>) {
  let ended = false
  void promise.finally(() => (ended = true))
  await runtime.advance(ms)
  return ended
}

afterEach(() => vi.restoreAllMocks())

test('drain() twice is one drain', async () => {
  const { bus, stub } = await busOn({})
  await Promise.all([bus.drain(), bus.drain('1s')])
  await bus.drain()
  expect(stub.calls).toEqual(['close'])
})

test('drain() refuses what is no duration, and drains with the next one', async () => {
  const { bus, stub } = await busOn({})
  await expect(bus.drain('soon' as '1s')).rejects.toThrow(TypeError)
  await bus.drain('1s')
  expect(stub.calls).toEqual(['close'])
})

test('drain() ends although handlers never return and the transport never closes', async () => {
  const { bus, stub, runtime } = await busOn(
    { close: () => never },
    { services: [service('s').on(work.done, wait)], drainTimeout: '10s' },
  )
  stub.subscriptions[0]?.receive([deliveryOf('work.done', 1)])
  expect(await endsWithin(runtime, 25_000, bus.drain())).toBe(true)
})

test('drain() gives a message whose handler does not return back, with no try counted and nobody told', async () => {
  const aborted: unknown[] = []
  const stubborn = service('s').on(work.go, async (_, ctx) => {
    await new Promise<void>((_resolve, reject) => {
      ctx.signal.addEventListener('abort', () => {
        aborted.push((ctx.signal.reason as WaybillError).code)
        reject(ctx.signal.reason as Error)
      })
    })
    return 1
  })
  const { bus, stub, runtime } = await busOn({}, { services: [stubborn], drainTimeout: '10s' })
  stub.subscriptions[0]?.receive([
    deliveryOf('work.go', 1, { kind: 'command', replyTo: 'there', headers: { 'waybill-awaited': '1' } }),
  ])
  const drained = bus.drain()
  await runtime.advance(10_000)
  await drained
  expect(aborted).toEqual(['WAYBILL_CLOSED'])
  expect(stub.subscriptions[0]?.settled).toEqual([])
  expect(stub.sent).toEqual([])
})

test('drain() waits for the replies to what was asked, within its time', async () => {
  const { bus, stub, runtime } = await busOn({})
  const asked = bus.request(work.ask, 1)
  await runtime.advance(0)
  const drained = bus.drain()
  await runtime.advance(1_000)
  const [request] = stub.sent
  const fields = { kind: 'reply', cause: { causationId: request?.message.id } } as Parameters<typeof deliveryOf>[2]
  stub.subscriptions[0]?.receive([deliveryOf('work.ask.reply', 42, fields)])
  expect(await asked).toBe(42)
  await drained
})

test('drain() leaves no promise pending: sends, requests, those that wait for a return address', async () => {
  const { bus, stub, runtime } = await busOn({ send: () => never }, { requestTimeout: '1h', sendTimeout: '1h' })
  const sent = outcomeOf(bus.publish(work.done, 1))
  const asked = outcomeOf(bus.request(work.ask, 1))
  await runtime.advance(0)
  stub.emit({ type: 'subscription-lost', channel: 'bus', group: 'requests', error: new Error('cut') })
  const waiting = outcomeOf(bus.request(work.ask, 2))
  await runtime.advance(0)
  const drained = bus.drain('1s')
  await runtime.advance(1_000)
  await drained
  expect(await Promise.all([sent, asked, waiting])).toEqual([
    'WAYBILL_OUTCOME_UNKNOWN',
    'WAYBILL_OUTCOME_UNKNOWN',
    'WAYBILL_CLOSED',
  ])
  expect(await outcomeOf(bus.request(work.ask, 3))).toBe('WAYBILL_CLOSED')
  expect(await outcomeOf(bus.publish(work.done, 3))).toBe('WAYBILL_CLOSED')
  expect(runtime.timers).toEqual([])
})

test('createBus() that fails half-way closes what it opened', async () => {
  let subscribed = 0
  const stub = stubTransport({
    subscribe: (spec) => {
      if (++subscribed === 2) return Promise.reject(new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', 'no'))
      return stubTransport().transport.subscribe(spec, () => {})
    },
  })
  const before = process.listenerCount('SIGTERM')
  const services = [service('a').on(work.done, () => {}), service('b').on(work.done, () => {})]
  const starting = createBus({ transport: () => stub.transport, logger: silentLogger, services })
  await expect(starting).rejects.toMatchObject({ code: 'WAYBILL_TOPOLOGY_CONFLICT' })
  expect(stub.calls).toEqual(['close'])
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

test('createBus() on a broker that never answers ends at the start time-out, and goes no further afterwards', async () => {
  const runtime = virtualRuntime()
  let connected: () => void = () => {}
  const stub = stubTransport({
    connect: () =>
      new Promise(
        (resolve) =>
          (connected = () => void stubTransport().transport.connect(new AbortController().signal).then(resolve)),
      ),
  })
  const services = [service('a').on(work.done, () => {})]
  const starting = outcomeOf(createBus({ runtime, transport: () => stub.transport, logger: silentLogger, services }))
  await runtime.advance(30_000)
  expect(await starting).toBe('WAYBILL_NOT_CONNECTED')
  connected()
  await runtime.settle()
  expect(stub.subscriptions).toEqual([])
  expect(stub.calls).toEqual(['close'])
})

test('a signal drains every bus that listens for it, once, and the second signal is not ours', async () => {
  const before = process.listenerCount('SIGUSR2')
  const made = await Promise.all([1, 2].map(() => busOn({}, { drainOn: ['SIGUSR2'] })))
  expect(process.listenerCount('SIGUSR2')).toBe(before + 2)
  process.emit('SIGUSR2')
  expect(process.listenerCount('SIGUSR2')).toBe(before)
  await Promise.all(made.map(({ bus }) => bus.drain()))
  expect(made.map(({ stub }) => stub.calls)).toEqual([['close'], ['close']])
})

test('createBus() with a signal that nobody can listen for closes again', async () => {
  const before = process.listenerCount('SIGUSR2')
  await expect(busOn({}, { drainOn: ['SIGUSR2', 'SIGKILL'] })).rejects.toThrow('EINVAL')
  expect(process.listenerCount('SIGUSR2')).toBe(before)
})

const stateOf = (bus: Bus) => bus.subscriptions[0]?.state

test('health() tells lost, stuck and closed, and answers without a broker too', async () => {
  let finish: () => void = () => {}
  const slow = service('s').on(work.done, () => new Promise<void>((resolve) => (finish = resolve)), { timeout: '1s' })
  const { bus, stub, runtime } = await busOn({}, { services: [slow] })
  expect(await bus.health()).toMatchObject({ healthy: true, connected: true })
  const which = { channel: 'work', group: 's' }
  stub.emit({ type: 'subscription-lost', ...which, error: new Error('deleted') })
  expect([stateOf(bus), (await bus.health()).healthy]).toEqual(['lost', false])
  stub.emit({ type: 'subscription-restored', ...which })
  expect(stateOf(bus)).toBe('consuming')
  stub.subscriptions[0]?.receive([deliveryOf('work.done', 1)])
  await runtime.advance(30_999)
  expect(stateOf(bus)).toBe('consuming')
  await runtime.advance(1)
  expect([stateOf(bus), (await bus.health()).healthy]).toEqual(['stuck', false])
  finish()
  await runtime.settle()
  expect(stateOf(bus)).toBe('consuming')
  await bus.drain()
  expect(stateOf(bus)).toBe('closed')
  expect(await bus.health()).toMatchObject({ healthy: false, connected: false, broker: { groups: [] } })
})

test('health() of a broker that does not answer says so within five seconds', async () => {
  const { bus, runtime } = await busOn({ inspect: () => never })
  const health = bus.health()
  await runtime.advance(5_000)
  expect(await health).toMatchObject({ healthy: false, connected: false })
  await bus.drain()
})
