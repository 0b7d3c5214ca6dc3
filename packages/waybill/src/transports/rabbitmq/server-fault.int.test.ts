// A server that runs out of memory, and one that is killed: a node of our own, because its neighbours would suffer too.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BusOptions } from '../../bus/settings/bus-options.ts'
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { service } from '../../bus/service/service.ts'
import { Ledger } from '../../conformance/ledger.ts'
import { command, contract, event, type } from '../../contract/contract.ts'
import { isWaybillError } from '../../message/errors.ts'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { describeOwnRabbitmq } from '../../testing/servers/describe-own-rabbitmq.test-support.ts'
import { RabbitmqServer } from '../../testing/servers/rabbitmq-server.ts'
import type { TransportEvent } from '../../transport/transport-event.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { rabbitmq } from './rabbitmq.ts'

const KEYS = 20
const COUNT = 2_000
/**
 * RabbitMQ 3.10 writes the names of quorum queues to disk half a second late and the place of their logs up to a second
 * late: killed before, the queue comes back empty or without a leader. No condition that a client could see tells it.
 */
const DECLARATIONS_SETTLE_MS = 2_000

const work = contract('work', { job: command(type<{ n: number }>()) })
const orders = contract(
  'orders',
  { shards: 4 },
  { placed: event(type<{ key: string; n: number }>(), { key: ({ key }) => key }) },
)
const quiet: BusOptions = { logger: silentLogger, drainOn: [], drainTimeout: '1s' }

describeOwnRabbitmq('rabbitmq() on a server in trouble', () => {
  let server: RabbitmqServer

  beforeAll(async () => {
    server = await RabbitmqServer.start()
  }, 150_000)
  afterAll(() => server.stop())

  /** The transport, and what it reports. */
  function reporting(url: string): { readonly transport: TransportFactory; readonly events: TransportEvent[] } {
    const events: TransportEvent[] = []
    return {
      events,
      transport: async (runtime) => {
        const transport = await rabbitmq({ url })(runtime)
        transport.onEvent((reported) => void events.push(reported))
        return transport
      },
    }
  }

  test(
    'a server low on memory holds sends back, says why, and confirms them afterwards',
    { timeout: 60_000 },
    async () => {
      const { transport, events } = reporting(server.url)
      const handled: number[] = []
      const worker = service('worker').on(work.job, ({ n }) => void handled.push(n))
      await using sender = await createBus({ ...quiet, transport, declare: [work.job] })
      await sender.send(work.job, { n: 0 })
      await server.block(true)
      const held = sender.send(work.job, { n: 1 })
      await expect.poll(() => events, { timeout: 10_000 }).toMatchObject([{ type: 'blocked', reason: 'low on memory' }])
      // It is in a buffer on the way, so it may be stored; it is, below.
      await expect(sender.send(work.job, { n: 2 }, { timeout: '300ms' })).rejects.toMatchObject({
        code: 'WAYBILL_OUTCOME_UNKNOWN',
        message: expect.stringContaining('the broker holds publishers back (low on memory)') as string,
      })
      // Who only receives is not held back: else nobody could relieve the server.
      await using receiver = await createBus({ ...quiet, transport: rabbitmq({ url: server.url }), services: [worker] })
      await expect.poll(() => handled).toEqual([0])
      await server.block(false)
      await held
      await expect.poll(() => events.map((each) => each.type)).toEqual(['blocked', 'unblocked'])
      await expect.poll(() => handled).toEqual([0, 1, 2])
      await receiver.drain()
    },
  )

  test(
    'a bus that sends and handles goes on handling while the server is low on memory and its sends wait',
    { timeout: 60_000 },
    async () => {
      const { transport, events } = reporting(server.url)
      const waiting = contract('waiting', { job: command(type<{ n: number }>()) })
      const handled = new Set<number>()
      let release: () => void = () => undefined
      const released = new Promise<void>((resolve) => (release = resolve))
      // Its prefetch is twice its concurrency, which is well below what waits.
      const worker = service('worker').on(
        waiting.job,
        async ({ n }) => {
          await released
          handled.add(n)
        },
        { concurrency: 5 },
      )
      await using bus = await createBus({ ...quiet, transport, services: [worker], declare: [work.job] })
      await Promise.all(Array.from({ length: 100 }, (_, n) => bus.send(waiting.job, { n })))
      await server.block(true)
      let isConfirmed = false
      const held = bus.send(work.job, { n: 5 }).then(() => (isConfirmed = true))
      await expect.poll(() => events.map((each) => each.type), { timeout: 10_000 }).toEqual(['blocked'])
      release()
      await expect.poll(() => handled.size, { timeout: 10_000 }).toBe(100)
      // Settled too: the broker has nothing left, and says so, although it is blocked.
      const ofWaiting = async (): Promise<unknown> =>
        (await bus.health()).broker.groups.find(({ channel }) => channel === 'waiting.job')
      await expect.poll(ofWaiting, { timeout: 10_000 }).toMatchObject({ depth: 0 })
      expect(await bus.health()).toMatchObject({ healthy: true, blocked: 'low on memory' })
      expect(isConfirmed).toBe(false)
      await server.block(false)
      await held
      await bus.drain()
    },
  )

  test('a link that is lost while it is blocked is no longer said to be blocked', { timeout: 60_000 }, async () => {
    const proxy = await FaultProxy.open({ host: '127.0.0.1', port: server.port })
    const { transport, events } = reporting(server.url.replace(String(server.port), String(proxy.port)))
    await using bus = await createBus({ ...quiet, transport, declare: [work.job] })
    await server.block(true)
    const first = bus.send(work.job, { n: 3 }).catch((error: unknown) => error)
    await expect.poll(() => events.map((each) => each.type), { timeout: 10_000 }).toEqual(['blocked'])
    await proxy.refuse()
    proxy.cut()
    await expect
      .poll(() => events.map((each) => each.type).slice(0, 3))
      .toEqual(['blocked', 'unblocked', 'disconnected'])
    const refused: unknown = await bus.send(work.job, { n: 4 }, { timeout: '300ms' }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
    expect(String(refused)).not.toContain('holds publishers back')
    await proxy.restore()
    // The new connection is told again, and ends in time although the server reads nothing.
    await expect.poll(() => events.at(-1)?.type, { timeout: 10_000 }).toBe('blocked')
    const began = performance.now()
    await bus.drain('500ms')
    // Two seconds; far less than the client itself would wait.
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(await first).toMatchObject({ code: 'WAYBILL_OUTCOME_UNKNOWN' })
    await server.block(false)
    await proxy.close()
  })

  test('a killed server loses nothing confirmed, and the order of each key holds', { timeout: 60_000 }, async () => {
    const runtime = systemRuntime()
    const ledger = new Ledger()
    const failed = new Set<string>()
    const idOf = (key: string, n: number): string => `${key}.${n}`
    const handled = new Set<string>()
    const keeper = service('keeper').on(
      orders.placed,
      ({ key, n }) => {
        const id = idOf(key, n)
        if (n % 17 === 3 && !failed.has(id)) {
          failed.add(id)
          throw new Error('now and then')
        }
        handled.add(id)
        ledger.handled(id)
      },
      { ordered: true, concurrency: 64, retry: { attempts: 10, base: '50ms', max: '200ms' } },
    )
    const transport = rabbitmq({ url: server.url })
    await using bus = await createBus({ ...quiet, transport, services: [keeper], sendTimeout: '60s' })
    const sends: Promise<unknown>[] = []
    let next = 0
    const sendUpTo = async (end: number): Promise<void> => {
      for (; next < end; next++) {
        const [key, n] = [`key-${next % KEYS}`, Math.floor(next / KEYS)]
        const id = idOf(key, n)
        ledger.sending(id, key)
        const sent = bus.publish(orders.placed, { key, n })
        sends.push(
          sent.then(
            () => ledger.sent(id, 'accepted'),
            (error: unknown) =>
              ledger.sent(id, isWaybillError(error, 'WAYBILL_OUTCOME_UNKNOWN') ? 'unknown' : 'refused'),
          ),
        )
        if (next % KEYS === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
    // With the first failures everything has been declared that ever will be.
    await sendUpTo(COUNT / 10)
    await expect.poll(() => handled.size, { timeout: 20_000 }).toBe(COUNT / 10)
    await new Promise<void>((resolve) => void runtime.setTimer(DECLARATIONS_SETTLE_MS, resolve))
    await sendUpTo(COUNT / 2)
    await expect.poll(() => ledger.confirmed, { interval: 1 }).toBeGreaterThan(COUNT / 4)
    await server.kill()
    const before = handled.size
    await sendUpTo(COUNT)
    await server.restart()
    await Promise.all(sends)
    await expect.poll(() => handled.size, { timeout: 30_000 }).toBe(COUNT)
    expect(before).toBeLessThan(COUNT / 2)
    expect(ledger.confirmed).toBe(COUNT)
    expect(ledger.verdict()).toMatchObject({ lost: [], unknownUnseen: [], strangers: [], disorder: [] })
    expect(failed.size).toBeGreaterThan(KEYS)
    await expect.poll(async () => (await bus.health()).healthy).toBe(true)
  })
})
