import { expect, test, vi } from 'vitest'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import {
  BROKER_URL,
  cleanUp,
  connected,
  consuming,
  outcomes,
  publication,
  queueOf,
  runtime,
} from './broker.test-support.ts'
import { Link } from '../../transport/link.ts'
import { parseBrokerAddress, type BrokerAddress } from './broker-address.ts'
import type { ConnectionPair } from './connection-pair.ts'
import { loadDriver } from './driver.ts'
import { Fork } from './fork.test-support.ts'
import { openConnection } from './open-connection.ts'
import type { RabbitmqOptions } from './rabbitmq-options.ts'

skipUnlessThere(NO_RABBITMQ)

type Side = 'publishing' | 'consuming'
const SIDES: readonly Side[] = ['publishing', 'consuming']
const { hostname, port, username, password } = new URL(BROKER_URL)
const never = new AbortController().signal

async function forked(): Promise<{ readonly fork: Fork; readonly url: string }> {
  const fork = await Fork.open(hostname, Number(port))
  cleanUp(() => fork.close())
  return { fork, url: `amqp://${username}:${password}@127.0.0.1:${fork.port}` }
}

/** All of them, on all hops. */
function expectNone(fork: Fork): Promise<void> {
  return vi.waitFor(() => expect(fork.connections).toEqual([0, 0, 0]))
}

interface Linked {
  readonly link: Pick<Link<BrokerAddress, ConnectionPair>, 'close' | 'connection'>
  readonly log: string[]
  readonly connect: (signal: AbortSignal) => Promise<ConnectionPair>
}

/** A link whose users say how it is prepared. */
function linkTo(
  url: string,
  prepare: (pair: ConnectionPair) => Promise<void> = () => Promise.resolve(),
  options: RabbitmqOptions = {},
): Linked {
  const log: string[] = []
  const addresses = () => Promise.resolve([parseBrokerAddress(url)])
  const link = new Link<BrokerAddress, ConnectionPair>(
    runtime,
    { title: 'RabbitMQ', addresses, backOff: { firstMs: 0, longestMs: 20 } },
    {
      up: () => void log.push('up'),
      down: () => void log.push('down'),
      trouble: () => void log.push('trouble'),
    },
  )
  cleanUp(() => link.close(1_000))
  const connect = async (signal: AbortSignal): Promise<ConnectionPair> => {
    const events = { prepare, blocked: () => undefined, unblocked: () => undefined }
    return await link.connect(openConnection(await loadDriver(), options, runtime, events), signal)
  }
  return { link, log, connect }
}

test('a link has two connections: what is published comes over one, what is consumed over the other', async () => {
  const { fork, url } = await forked()
  const { engine } = await connected({ url })
  expect(fork.connections).toEqual([1, 1, 2])
  const queue = await queueOf(engine, { life: 'exclusive' })
  const inbox = await consuming(engine, queue, 10)
  expect(await outcomes(engine, [publication(queue, 'a', { mandatory: true })])).toEqual(['accepted'])
  await inbox.until(1)
  fork.consuming.stall('to-client')
  expect(await outcomes(engine, [publication(queue, 'b', { mandatory: true })])).toEqual(['accepted'])
  expect(inbox.texts()).toEqual(['a'])
  await fork.consuming.restore()
  fork.publishing.stall('to-client')
  await inbox.until(2)
  await fork.publishing.restore()
  await engine.close(1_000)
  await expectNone(fork)
})

test.each(SIDES)('connect() rejects when the %s connection is refused, and leaves none', async (side) => {
  const { fork, url } = await forked()
  await fork[side].refuse()
  const { log, connect } = linkTo(url)
  await expect(connect(never)).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  await expectNone(fork)
  await fork[side].restore()
  await connect(never)
  expect(fork.connections).toEqual([1, 1, 2])
  expect(log).toEqual(['up'])
})

test.each(SIDES)('connect() rejects when the %s connection is not answered, and leaves none', async (side) => {
  const { fork, url } = await forked()
  fork[side].stall()
  const { connect } = linkTo(url, undefined, { connectTimeoutMs: 200 })
  await expect(connect(never)).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  // A stalled proxy does not see the end of what it does not read.
  await fork[side].restore()
  await expectNone(fork)
})

// RabbitMQ itself gives up on a handshake after ten seconds.
test(
  'connect() does not wait for a connection that is not answered when the other is refused',
  { timeout: 5_000 },
  async () => {
    const { fork, url } = await forked()
    fork.publishing.stall()
    await fork.consuming.refuse()
    const { connect } = linkTo(url, undefined, { connectTimeoutMs: 600_000 })
    await expect(connect(never)).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
    await fork.publishing.restore()
    await expectNone(fork)
  },
)

test.each(SIDES)('close() and a signal end a connect() whose %s connection is not answered', async (side) => {
  const { fork, url } = await forked()
  for (const end of ['close', 'signal']) {
    fork[side].stall()
    const { link, connect } = linkTo(url)
    const controller = new AbortController()
    const ended = connect(controller.signal).catch((error: unknown) => error)
    await vi.waitFor(() => expect(fork.connections).toEqual([1, 1, 2]))
    if (end === 'close') await link.close(60_000)
    else controller.abort(new Error('enough'))
    expect(await ended).toMatchObject(end === 'close' ? { code: 'WAYBILL_CLOSED' } : { message: 'enough' })
    await fork[side].restore()
    await expectNone(fork)
  }
})

test.each(SIDES)('a lost %s connection takes the other with it, once both have ended; both come back', async (side) => {
  const { fork, url } = await forked()
  const { engine, events } = await connected({ url })
  const queue = await queueOf(engine)
  const inbox = await consuming(engine, queue, 10)
  await outcomes(engine, [publication(queue, 'a')])
  await inbox.until(1)
  fork[side].cut()
  await vi.waitFor(() => expect(events.map((each) => each.type)).toEqual(['down', 'up']), { timeout: 10_000 })
  await vi.waitFor(() => expect(fork.connections).toEqual([1, 1, 2]))
  expect(inbox.cancelled).toEqual([])
  inbox.consumer.ack(inbox.tags())
  const again = await consuming(engine, queue, 10)
  await again.until(1)
  expect(again.deliveries[0]).toMatchObject({ redelivered: true })
  expect(await outcomes(engine, [publication(queue, 'b')])).toEqual(['accepted'])
})

test('the loss of one connection while the other is stalled is reported, and no socket stays', async () => {
  const { fork, url } = await forked()
  const { engine, events } = await connected({ url })
  fork.consuming.stall()
  await fork.publishing.refuse()
  fork.publishing.cut()
  await vi.waitFor(() => expect(events[0]?.type).toBe('down'))
  expect(await engine.publish([publication('q', 'a')])).toMatchObject([{ error: { code: 'WAYBILL_NOT_CONNECTED' } }])
  await fork.consuming.restore()
  await engine.close(1_000)
  await expectNone(fork)
})

test.each(SIDES)(
  'a %s connection that falls silent is given up after two heartbeats, the other with it',
  async (side) => {
    const { fork, url } = await forked()
    const { events } = await connected({ url, heartbeatSeconds: 1 })
    fork[side].halfOpen('target')
    await vi.waitFor(() => expect(events.map((each) => each.type)).toEqual(['down', 'up']), { timeout: 10_000 })
    await vi.waitFor(() => expect(fork.connections).toEqual([1, 1, 2]))
  },
)

test.each(SIDES)('the loss of the %s connection while a pair is prepared fails the try', async (side) => {
  const { fork, url } = await forked()
  let isLost = false
  const { link, log, connect } = linkTo(url, async (pair) => {
    if (isLost) return
    isLost = true
    fork[side].cut()
    // Whoever prepares need not notice.
    await vi.waitFor(() => expect(pair.fault).toBeDefined())
  })
  await expect(connect(never)).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  await expectNone(fork)
  expect(() => link.connection).toThrow('WAYBILL_NOT_CONNECTED')
  await connect(never)
  expect(log).toEqual(['up'])
  isLost = false
  fork.publishing.cut()
  await vi.waitFor(() => expect(log).toEqual(['up', 'down', 'trouble', 'up']))
  await vi.waitFor(() => expect(fork.connections).toEqual([1, 1, 2]))
})

test('connect() whose preparation fails, or is aborted, leaves no connection', async () => {
  const { fork, url } = await forked()
  const failing = linkTo(url, () => Promise.reject(new Error('no channel')))
  await expect(failing.connect(never)).rejects.toThrow('no channel')
  await expectNone(fork)
  const controller = new AbortController()
  const aborted = linkTo(url, async ({ publishing, consuming: other }) => {
    controller.abort(new Error('enough'))
    await Promise.all([publishing.ended, other.ended])
  })
  await expect(aborted.connect(controller.signal)).rejects.toThrow('enough')
  await expectNone(fork)
})

test('close() while a pair is prepared ends both connections, and nothing is reported', async () => {
  const { fork, url } = await forked()
  const ended = Promise.withResolvers<void>()
  let tries = 0
  const { link, log, connect } = linkTo(url, async (pair) => {
    if (++tries === 2) await Promise.all([pair.publishing.ended, pair.consuming.ended]).then(() => ended.resolve())
  })
  await connect(never)
  fork.consuming.cut()
  await vi.waitFor(() => expect(tries).toBe(2))
  await link.close(60_000)
  await ended.promise
  await expectNone(fork)
  expect(log).toEqual(['up', 'down'])
  expect(() => link.connection).toThrow('WAYBILL_CLOSED')
})

test.each(SIDES)(
  'close() while a lost link is taken up again ends a try whose %s connection is stalled',
  async (side) => {
    const { fork, url } = await forked()
    const { link, log, connect } = linkTo(url)
    await connect(never)
    fork[side].stall()
    fork.publishing.cut()
    fork.consuming.cut()
    await vi.waitFor(() => expect(fork.accepted).toBe(4))
    await link.close(60_000)
    await fork[side].restore()
    await expectNone(fork)
    expect(log).toEqual(['up', 'down'])
  },
)

test('close() at the moment of a loss reports nothing any more', async () => {
  const { fork, url } = await forked()
  const { link, log, connect } = linkTo(url)
  await connect(never)
  const { publishing } = link.connection
  fork.publishing.cut()
  await publishing.ended
  await link.close(60_000)
  await expectNone(fork)
  expect(log.slice(1).every((each) => each === 'down')).toBe(true)
  expect(fork.accepted).toBe(2)
})
