// What the asker sees: deadlines, aborts, early ends.
import { expect, test } from 'vitest'
import { contract, query, survey, type } from '../../contract/contract.ts'
import { testBus } from '../../testing/test-bus.ts'
import { virtualRuntime } from '../../runtime/virtual-runtime.ts'
import type { Transport } from '../../transport/transport.ts'
import { createBus } from '../create-bus.ts'
import { silentLogger } from '../observation/logger.ts'
import { service } from '../service/service.ts'
import { stubTransport } from '../stub-transport.test-support.ts'

const talk = contract('talk', {
  ask: query(type<number>(), type<number>()),
  poll: survey(type<number>(), type<number>()),
})

async function busOn(own: Partial<Transport> = {}) {
  const runtime = virtualRuntime()
  const stub = stubTransport(own)
  const bus = await createBus({ runtime, logger: silentLogger, drainOn: [], transport: () => stub.transport })
  return { bus, stub, runtime }
}

const outcomeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'resolved',
    (error: unknown) => (error as { code?: string }).code ?? error,
  )

test('request() can be aborted at every moment, and leaves no listener on the signal', async () => {
  const never = new Promise<never>(() => {})
  for (const own of [{ subscribe: () => never }, { send: () => never }, {}] satisfies Partial<Transport>[]) {
    const { bus, runtime } = await busOn(own)
    const abort = new AbortController()
    const { signal } = abort
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    const asked = outcomeOf(bus.request(talk.ask, 1, { signal }))
    await runtime.advance(0)
    abort.abort()
    expect(await asked).toBe('WAYBILL_ABORTED')
    expect(listeners).toBe(0)
    expect(await outcomeOf(bus.request(talk.ask, 1, { signal }))).toBe('WAYBILL_ABORTED')
    await bus.drain(0)
  }
})

test('a return address that was lost while it was made does not hold up the requests after it', async () => {
  let tries = 0
  const { bus, stub, runtime } = await busOn({
    subscribe: (spec, receive) => {
      if (++tries > 1) return stubTransport().transport.subscribe(spec, receive)
      const error = new Error('refused')
      stub.emit({ type: 'subscription-lost', channel: 'bus', group: 'requests', error })
      return Promise.reject(error)
    },
  })
  expect(await outcomeOf(bus.request(talk.ask, 1))).toMatchObject({ message: 'refused' })
  const second = outcomeOf(bus.request(talk.ask, 2))
  await runtime.advance(0)
  expect(stub.sent).toHaveLength(1)
  stub.emit({ type: 'gap', channel: 'bus', group: 'requests' })
  expect(await second).toBe('WAYBILL_OUTCOME_UNKNOWN')
  await bus.drain(0)
})

test('request() takes no longer than its time-out, however long the return address took', async () => {
  let subscribed: () => void = () => {}
  const { bus, runtime } = await busOn({
    subscribe: (spec, receive) =>
      new Promise((resolve) => {
        subscribed = () => void stubTransport().transport.subscribe(spec, receive).then(resolve)
      }),
  })
  let ended: unknown
  void outcomeOf(bus.request(talk.ask, 1, { timeout: '10s' })).then((outcome) => (ended = outcome))
  await runtime.advance(9_000)
  subscribed()
  await runtime.advance(999)
  expect(ended).toBeUndefined()
  await runtime.advance(1)
  expect(ended).toBe('WAYBILL_REQUEST_TIMEOUT')
  await bus.drain(0)
})

test('requestAsync() needs to know whose the reply is', async () => {
  const answerer = service('a').answer(talk.ask, (n) => n)
  const got: unknown[] = []
  const asker = service('b').onReply(talk.ask, (reply) => void got.push(reply))
  await using several = await testBus({ services: [answerer, asker] })
  await expect(several.requestAsync(talk.ask, 1)).rejects.toThrow('name the one that gets the reply')
  await using one = await testBus({
    name: 'other',
    services: [answerer.onReply(talk.ask, (reply) => void got.push(reply))],
  })
  await one.requestAsync(talk.ask, 7)
  await one.settle()
  expect(got).toEqual([{ ok: true, value: 7 }])
})

test('scatter() that is never iterated sends nothing; a limit must be a whole number from 1', async () => {
  const { bus, stub, runtime } = await busOn()
  bus.scatter(talk.poll, 1)
  await runtime.settle()
  expect(stub.sent).toEqual([])
  for (const limit of [0, -1, 1.5, NaN]) expect(() => bus.scatter(talk.poll, 1, { limit })).toThrow(TypeError)
  await bus.drain(0)
})

test('scatter() ends at an abort at once, although replies are unread', async () => {
  const services = ['a', 'b', 'c'].map((name) => service(name).answer(talk.poll, (n) => n))
  await using bus = await testBus({ services })
  const abort = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    for await (const { from } of bus.scatter(talk.poll, 1, { signal: abort.signal })) {
      seen.push(from)
      await bus.settle()
      abort.abort()
    }
  })()
  await expect(reading).rejects.toMatchObject({ code: 'WAYBILL_ABORTED' })
  expect(seen).toHaveLength(1)
})

test('the durable replies of a service and the replies to the bus of its name are told apart when a link fails', async () => {
  const { bus, stub, runtime } = await busOn()
  const first = outcomeOf(bus.request(talk.ask, 1))
  await runtime.advance(0)
  const durable = { channel: 'bus', group: 'bus' }
  stub.emit({ type: 'subscription-lost', ...durable, error: new Error('deleted') })
  stub.emit({ type: 'gap', ...durable })
  const second = outcomeOf(bus.request(talk.ask, 2))
  await runtime.advance(0)
  expect(stub.sent).toHaveLength(2)
  stub.emit({ type: 'gap', channel: 'bus', group: 'requests' })
  expect(await Promise.all([first, second])).toEqual(['WAYBILL_OUTCOME_UNKNOWN', 'WAYBILL_OUTCOME_UNKNOWN'])
  await bus.drain(0)
})
