// The engine on Waybill's own broker, over its wire.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Broker } from '../../broker/broker.ts'
import { MAX_DELAY_MS } from '../../broker/delay/delayed-messages.ts'
import { serveBroker, type BrokerServer } from '../../broker/server/serve-broker.ts'
import {
  connectedBy,
  consuming,
  message,
  outcomes,
  publication,
  runtime,
  type Connected,
} from './broker.test-support.ts'
import { settingsOf } from './rabbitmq.ts'

let broker: Broker
let server: BrokerServer

beforeAll(async () => {
  broker = await Broker.open({ runtime })
  server = await serveBroker({
    broker,
    runtime,
    host: '127.0.0.1',
    port: 0,
    authenticate: (login) => broker.access.authenticate(login),
    version: '0.1.0',
  })
})

afterAll(async () => {
  await server.close(1_000, 'the tests are over')
  await broker.close()
})

function linked(): Promise<Connected> {
  return connectedBy(settingsOf({ url: `amqp://127.0.0.1:${server.port}` }))
}

async function queueOn({ engine }: Connected): Promise<string> {
  const name = runtime.newId()
  await engine.declareQueue({ name, life: 'durable' })
  return name
}

test('a delayed message comes when its delay is over, and does not hold up a shorter one; its header stays behind', async () => {
  const link = await linked()
  const { engine } = link
  const queue = await queueOn(link)
  const inbox = await consuming(engine, queue, 10)
  const arrived: [number, number][] = []
  const began = runtime.monotonic()
  const delays = [600, 150, 300, 0]
  const sent = delays.map((delayMs) =>
    publication(queue, String(delayMs), {
      delayMs,
      mandatory: true,
      message: message(String(delayMs), { attempt: 2 }),
    }),
  )
  expect(await outcomes(engine, sent)).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
  for (let count = 1; count <= 4; count++) {
    await inbox.until(count)
    arrived.push([Number(inbox.texts().at(-1)), runtime.monotonic() - began])
  }
  expect(arrived.map(([delayMs]) => delayMs)).toEqual([0, 150, 300, 600])
  for (const [delayMs, after] of arrived) expect(after).toBeGreaterThanOrEqual(delayMs - 1)
  expect(inbox.deliveries.at(-1)).toMatchObject({
    message: { headers: {}, attempt: 2 },
    routingKey: queue,
    deliveryCount: 1,
  })
})

test('a delayed message to a missing queue is unroutable, one too long refused; their neighbours are not disturbed', async () => {
  const link = await linked()
  const queue = await queueOn(link)
  const results = await outcomes(link.engine, [
    publication(queue, 'a', { delayMs: 10 }),
    publication(`${queue}.missing`, 'b', { delayMs: 10 }),
    publication(queue, 'c'),
    publication(queue, 'd', { delayMs: MAX_DELAY_MS + 1 }),
    publication(queue, 'e', { delayMs: MAX_DELAY_MS }),
  ])
  expect(results).toEqual(['accepted', 'unroutable', 'accepted', 'refused', 'accepted'])
})

test('a queue that others deleted and declared again gets its delayed messages; a deleted one is unroutable', async () => {
  const [link, other] = [await linked(), await linked()]
  const queue = await queueOn(link)
  const delayed = (): Promise<string[]> => outcomes(link.engine, [publication(queue, 'late', { delayMs: 1 })])
  expect(await delayed()).toEqual(['accepted'])
  await other.engine.deleteQueue(queue)
  expect(await delayed()).toEqual(['unroutable'])
  await other.engine.declareQueue({ name: queue, life: 'durable' })
  expect(await delayed()).toEqual(['accepted'])
  await other.engine.deleteQueue(queue)
  await other.engine.declareQueue({ name: queue, life: 'durable' })
  expect(await delayed()).toEqual(['accepted'])
  const inbox = await consuming(link.engine, queue, 1)
  await inbox.until(1)
})

test('deliveries of a durable queue are counted, and a returned one comes back to its place', async () => {
  const link = await linked()
  const { engine } = link
  const queue = await queueOn(link)
  await outcomes(engine, [publication(queue, 'a'), publication(queue, 'b')])
  const inbox = await consuming(engine, queue, 1)
  await inbox.until(1)
  inbox.consumer.requeue(inbox.tags())
  await inbox.until(2)
  expect(inbox.texts()).toEqual(['a', 'a'])
  expect(inbox.deliveries.map((each) => each.deliveryCount)).toEqual([1, 2])
})

test('a link consumes on while the broker holds its publishes back, which are confirmed afterwards', async () => {
  const link = await linked()
  const { engine, events } = link
  const queue = await queueOn(link)
  const texts = Array.from({ length: 100 }, (_, n) => String(n))
  await outcomes(
    engine,
    texts.map((text) => publication(queue, text)),
  )
  broker.diskIsFull(true)
  let isConfirmed = false
  const held = outcomes(engine, [publication(queue, 'held')]).then((answers) => {
    isConfirmed = true
    return answers
  })
  await vi.waitFor(() => expect(events).toMatchObject([{ type: 'blocked' }]))
  const inbox = await consuming(engine, queue, 5)
  for (let handled = 0; handled < texts.length; handled += 5) {
    await inbox.until(handled + 5)
    inbox.consumer.ack(inbox.tags())
  }
  expect(inbox.texts()).toEqual(texts)
  expect(isConfirmed).toBe(false)
  broker.diskIsFull(false)
  expect(await held).toEqual(['accepted'])
  await inbox.until(101)
  expect(events.map((each) => each.type)).toEqual(['blocked', 'unblocked'])
})
