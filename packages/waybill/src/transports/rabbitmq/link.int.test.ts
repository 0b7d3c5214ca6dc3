import { expect, test, vi } from 'vitest'
import { WaybillError } from '../../message/errors.ts'
import { FaultProxy } from '../../testing/fault-proxy.ts'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import {
  BROKER_URL,
  cleanUp,
  connected,
  connectedTo,
  consuming,
  message,
  outcomes,
  publication,
  queueOf,
  runtime,
} from './broker.test-support.ts'
import { parseBrokerAddress } from './broker-address.ts'
import { RabbitmqEngine } from './engine.ts'
import { settingsOf } from './rabbitmq.ts'

skipUnlessThere(NO_RABBITMQ)
const { hostname, port, username, password } = new URL(BROKER_URL)

async function proxied(): Promise<{ readonly proxy: FaultProxy; readonly url: string }> {
  const proxy = await FaultProxy.open({ host: hostname, port: Number(port) })
  cleanUp(() => proxy.close())
  return { proxy, url: `amqp://${username}:${password}@127.0.0.1:${proxy.port}` }
}

test('a cut link comes back: unconfirmed is unknown, deliveries return, and everything works again', async () => {
  const { proxy, url } = await proxied()
  const { engine, events } = await connected({ url })
  const queue = await queueOf(engine)
  await outcomes(engine, [publication(queue, 'kept')])
  const inbox = await consuming(engine, queue, 10)
  await inbox.until(1)
  proxy.stall('to-client')
  const pending = engine.publish([publication(queue, 'a'), publication(queue, 'b')])
  proxy.cut()
  expect(await pending).toMatchObject([
    { outcome: 'unknown' },
    { outcome: 'unknown', error: { code: 'WAYBILL_OUTCOME_UNKNOWN' } },
  ])
  expect(await engine.publish([publication(queue, 'c')])).toMatchObject([
    { outcome: 'refused', error: { code: 'WAYBILL_NOT_CONNECTED' } },
  ])
  await expect(engine.checkQueue(queue)).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  inbox.consumer.ack(inbox.tags())
  await proxy.restore()
  await vi.waitFor(() => expect(events.map((each) => each.type)).toEqual(['down', 'up']), { timeout: 10_000 })
  expect(inbox.cancelled).toEqual([])
  const again = await consuming(engine, queue, 10)
  await again.until(1)
  expect(again.deliveries[0]).toMatchObject({ redelivered: true })
  expect(again.texts()[0]).toBe('kept')
  expect(await outcomes(engine, [publication(queue, 'd')])).toEqual(['accepted'])
})

test('a link whose peer falls silent is given up after two heartbeats', { timeout: 20_000 }, async () => {
  const { proxy, url } = await proxied()
  const { engine, events } = await connected({ url, heartbeatSeconds: 1 })
  const queue = await queueOf(engine)
  proxy.halfOpen('target')
  const [result] = await engine.publish([publication(queue, 'a')])
  expect(result?.outcome).toBe('unknown')
  await vi.waitFor(() => expect(events.map((each) => each.type)).toEqual(['down', 'up']), { timeout: 10_000 })
  // The old socket is destroyed, not merely ended.
  await vi.waitFor(() => expect(proxy.connections).toBe(2))
})

test('a lost link fails over to the next address', async () => {
  const [one, two] = [await proxied(), await proxied()]
  const { engine, events } = await connected({ urls: [one.url, two.url] })
  expect([one.proxy.connections, two.proxy.connections]).toEqual([2, 0])
  await one.proxy.refuse()
  one.proxy.cut()
  await vi.waitFor(() => expect(events.map((each) => each.type)).toEqual(['down', 'up']), { timeout: 10_000 })
  expect([one.proxy.connections, two.proxy.connections]).toEqual([0, 2])
  await queueOf(engine)
})

test('the link is tried again for as long as it takes, and close() ends that', async () => {
  const { proxy, url } = await proxied()
  const { engine, events } = await connected({ url })
  await proxy.refuse()
  proxy.cut()
  await vi.waitFor(() => expect(events.map((each) => each.type)).toEqual(['down']))
  await engine.close(1_000)
  await proxy.restore()
  expect(await engine.publish([publication('q', 'a')])).toMatchObject([{ error: { code: 'WAYBILL_CLOSED' } }])
  expect(proxy.connections).toBe(0)
})

test('close() ends a stalled link at its deadline', async () => {
  const { proxy, url } = await proxied()
  const { engine } = await connected({ url })
  proxy.stall()
  const pending = engine.publish([publication('q', 'a')])
  await engine.close(300)
  expect(await pending).toMatchObject([{ outcome: 'unknown' }])
})

test('connect() gives up on an address that does not answer', async () => {
  const { proxy, url } = await proxied()
  proxy.stall()
  const engine = new RabbitmqEngine(settingsOf({ url, connectTimeoutMs: 300 }), runtime)
  await expect(engine.connect(new AbortController().signal)).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
  // A stalled proxy does not see the end of what it does not read.
  await proxy.restore()
  await vi.waitFor(() => expect(proxy.connections).toBe(0))
})

test(
  'publish() holds back while the socket is full, and refuses what no bound covers',
  { timeout: 30_000 },
  async () => {
    const { proxy, url } = await proxied()
    const { engine } = await connected({ url })
    const queue = await queueOf(engine, { maxLength: 1_000_000 })
    proxy.stall('to-target')
    const body = Buffer.alloc(1_024 * 1_024)
    const results = Array.from({ length: 420 }, () =>
      engine.publish([publication(queue, '', { message: message('', { body }), persistent: false })]),
    )
    const last = await results.at(-1)
    expect(last).toMatchObject([{ outcome: 'refused', error: { code: 'WAYBILL_BACKPRESSURE' } }])
    proxy.cut()
    const answers = new Set((await Promise.all(results)).flat().map((each) => each.outcome))
    expect(answers).toEqual(new Set(['unknown', 'refused']))
  },
)

test('addresses() is asked again before each try; when it rejects, the try has failed', async () => {
  const [one, two] = [await proxied(), await proxied()]
  const answers: (() => string)[] = [() => one.url, () => { throw new Error('nobody knows') }, () => two.url] // prettier-ignore
  let asked = 0
  const { engine, events } = await connectedTo(
    async () => [parseBrokerAddress((answers[Math.min(asked++, 2)] as () => string)())],
    { firstMs: 0, longestMs: 10 },
  )
  one.proxy.cut()
  await vi.waitFor(() => expect(events.at(-1)?.type).toBe('up'))
  expect(asked).toBe(3)
  expect([one.proxy.connections, two.proxy.connections]).toEqual([0, 2])
  await queueOf(engine)
})

test('connect() rejects with what addresses() rejects with, and needs one', async () => {
  const broken = new WaybillError('WAYBILL_NOT_CONNECTED', 'no broker could be started')
  await expect(connectedTo(() => Promise.reject(broken))).rejects.toBe(broken)
  await expect(connectedTo(() => Promise.resolve([]))).rejects.toMatchObject({ code: 'WAYBILL_NOT_CONNECTED' })
})

test('connect() and close() do not wait for an addresses() that does not listen to its signal', async () => {
  const never = new Promise<never>(() => undefined)
  const engine = new RabbitmqEngine({ addresses: () => never, options: {} }, runtime)
  const controller = new AbortController()
  const connecting = expect(engine.connect(controller.signal)).rejects.toThrow('enough')
  controller.abort(new Error('enough'))
  await connecting
  const connectingAgain = expect(engine.connect(new AbortController().signal)).rejects.toMatchObject({
    code: 'WAYBILL_CLOSED',
  })
  await engine.close(1_000)
  await connectingAgain
})

test('why a lost link cannot be taken up is reported, each reason once, until it is up', async () => {
  const { proxy, url } = await proxied()
  const wrong = url.replace(`:${password}@`, ':changed@')
  let address = url
  let asked = 0
  const { events } = await connectedTo(
    async () => {
      asked++
      return [parseBrokerAddress(address)]
    },
    { firstMs: 0, longestMs: 10 },
  )
  const troubles = (): unknown[] => events.flatMap((each) => (each.type === 'trouble' ? [each.error] : []))
  const lose = async (): Promise<void> => {
    await proxy.refuse()
    proxy.cut()
  }
  await lose()
  await vi.waitFor(() => expect(troubles()).toMatchObject([{ code: 'WAYBILL_NOT_CONNECTED' }]))
  address = wrong
  await proxy.restore()
  const refused = { code: 'WAYBILL_ACCESS_REFUSED', message: expect.not.stringContaining('changed') as string }
  await vi.waitFor(() => expect(troubles()).toMatchObject([{ code: 'WAYBILL_NOT_CONNECTED' }, refused]))
  // Many tries later nothing more has been said.
  const before = asked
  await vi.waitFor(() => expect(asked).toBeGreaterThan(before + 3))
  expect(troubles()).toHaveLength(2)
  address = url
  await vi.waitFor(() => expect(events.at(-1)?.type).toBe('up'))
  await lose()
  await vi.waitFor(() => expect(troubles()).toHaveLength(3))
})
