import { connect } from 'amqplib'
import { expect, test, vi } from 'vitest'
import { isWaybillError } from '../../message/errors.ts'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import {
  BROKER_URL,
  cleanUp,
  connected,
  consuming,
  holds,
  message,
  outcomes,
  publication,
  queueOf,
  runtime,
} from './broker.test-support.ts'
import { RabbitmqEngine } from './engine.ts'
import { settingsOf } from './rabbitmq.ts'

skipUnlessThere(NO_RABBITMQ)
const never = new AbortController().signal

test('connect() tells product, version and limits', async () => {
  const engine = new RabbitmqEngine(settingsOf({ url: BROKER_URL }), runtime)
  const facts = await engine.connect(never)
  await engine.close(1_000)
  expect(facts).toMatchObject({ engine: 'rabbitmq', version: expect.stringMatching(/^\d+\.\d+/) })
})

test('connect() says that a broker is down, without the password', async () => {
  const engine = new RabbitmqEngine(settingsOf({ url: 'amqp://me:secret@127.0.0.1:1/' }), runtime)
  const error = await engine.connect(never).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'WAYBILL_NOT_CONNECTED', cause: { code: 'ECONNREFUSED' } })
  expect((error as Error).message).toContain('amqp://127.0.0.1:1/')
  expect((error as Error).message).not.toContain('secret')
})

test('connect() says that the password or the virtual host is wrong', async () => {
  const { port, hostname } = new URL(BROKER_URL)
  for (const url of [`amqp://guest:secret@${hostname}:${port}/`, `amqp://guest:guest@${hostname}:${port}/missing`]) {
    const error = await new RabbitmqEngine(settingsOf({ url }), runtime)
      .connect(never)
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'WAYBILL_ACCESS_REFUSED' })
    expect((error as Error).message).not.toContain('secret')
  }
})

test('connect() tries one address after another', async () => {
  const { engine } = await connected({ urls: ['amqp://127.0.0.1:1', BROKER_URL] })
  expect(await engine.checkQueue('waybill-test.missing')).toBeUndefined()
})

test('connect() is ended by its signal', async () => {
  const engine = new RabbitmqEngine(settingsOf({ url: BROKER_URL }), runtime)
  await expect(engine.connect(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})

test('declareQueue() refuses unequal arguments, and nothing else is disturbed', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const inbox = await consuming(engine, queue, 10)
  const conflict = engine.declareQueue({ name: queue, life: 'durable', maxLength: 5 })
  const equal = engine.declareQueue({ name: queue, life: 'durable' })
  await expect(conflict).rejects.toMatchObject({
    code: 'WAYBILL_TOPOLOGY_CONFLICT',
    message: expect.stringContaining(queue),
  })
  await equal
  expect(await outcomes(engine, [publication(queue, 'a')])).toEqual(['accepted'])
  await inbox.until(1)
})

test('checkQueue() is undefined for a queue that does not exist; bindQueue() and consume() say so', async () => {
  const { engine } = await connected()
  const missing = `waybill-test.${runtime.newId()}`
  expect(await engine.checkQueue(missing)).toBeUndefined()
  await expect(engine.bindQueue(missing, 'amq.topic', '#')).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
  await expect(consuming(engine, missing, 1)).rejects.toMatchObject({ code: 'WAYBILL_NOT_FOUND' })
})

test('publish() confirms, and consume() hands over what was published, in order and whole', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const inbox = await consuming(engine, queue, 10)
  const sent = message('a', { key: 'k', headers: { name: 'grün' }, replyTo: 'back', correlationId: 'c', attempt: 3 })
  expect(await outcomes(engine, [publication(queue, 'a', { message: sent }), publication(queue, '')])).toEqual([
    'accepted',
    'accepted',
  ])
  await inbox.until(2)
  expect(inbox.texts()).toEqual(['a', ''])
  expect(inbox.deliveries[0]).toMatchObject({ message: sent, redelivered: false, deliveryCount: 1, routingKey: queue })
  inbox.consumer.ack(inbox.tags())
  await inbox.consumer.close()
  await vi.waitFor(holds(engine, queue, 0))
})

test('publish() answers each of a batch: unroutable where mandatory, refused where the queue is full', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const full = await queueOf(engine, { maxLength: 1 })
  const missing = `${queue}.missing`
  // A quorum queue counts in its own time, so it takes a few more than it should.
  await vi.waitFor(async () => expect(await outcomes(engine, [publication(full, 'x')])).toEqual(['refused']))
  const results = await engine.publish([
    publication(queue, 'a'),
    publication(missing, 'b', { mandatory: true }),
    publication(missing, 'c'),
    publication(missing, 'd', { mandatory: true }),
    publication(full, 'e'),
    publication(queue, 'f'),
  ])
  expect(results.map((each) => each.outcome)).toEqual([
    'accepted',
    'unroutable',
    'accepted',
    'unroutable',
    'refused',
    'accepted',
  ])
  expect(isWaybillError(results[4]?.outcome === 'refused' && results[4].error, 'WAYBILL_REFUSED')).toBe(true)
})

test('publish() to a missing exchange leaves those unknown that the broker never answered, and goes on', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const batch = [publication(queue, 'a'), publication(queue, 'b', { exchange: 'waybill-test.missing' })]
  const [, second] = await engine.publish(batch)
  expect(second).toMatchObject({ outcome: 'unknown', error: { code: 'WAYBILL_OUTCOME_UNKNOWN' } })
  expect(await outcomes(engine, [publication(queue, 'c')])).toEqual(['accepted'])
})

test('publish() refuses what AMQP cannot carry, alone', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const results = await engine.publish([
    publication(queue, 'a', { message: message('', { type: 'x'.repeat(256) }) }),
    publication(queue, 'b', { message: message('', { headers: { big: 'x'.repeat(70_000) } }) }),
    publication(queue, 'c', { message: message('', { headers: { big: 'x'.repeat(50_000) } }) }),
    publication(queue, 'd', { message: message('', { replyTo: 'amq.rabbitmq.reply-to' }) }),
  ])
  expect(results.map((each) => each.outcome)).toEqual(['refused', 'refused', 'accepted', 'refused'])
  expect(results[1]).toMatchObject({ error: { code: 'WAYBILL_TOO_LARGE' } })
})

test('publish() writes a batch larger than the socket takes, in order', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine, { life: 'exclusive' })
  const inbox = await consuming(engine, queue, 0, { noAck: true })
  const batch = Array.from({ length: 5_000 }, (_, n) => publication(queue, String(n), { persistent: false }))
  const [first, second] = await Promise.all([outcomes(engine, batch), outcomes(engine, [publication(queue, 'last')])])
  expect(new Set([...first, ...second])).toEqual(new Set(['accepted']))
  await inbox.until(5_001)
  expect(inbox.texts()).toEqual([...batch.keys()].map(String).concat('last'))
})

test('consume() keeps to its prefetch, and prefetch() changes it while deliveries are out', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  await outcomes(
    engine,
    Array.from({ length: 20 }, (_, n) => publication(queue, String(n))),
  )
  const inbox = await consuming(engine, queue, 2)
  await inbox.until(2)
  await vi.waitFor(holds(engine, queue, 18, 1))
  inbox.consumer.prefetch(5)
  await inbox.until(5)
  inbox.consumer.ack([1])
  await inbox.until(6)
  inbox.consumer.prefetch(1)
  inbox.consumer.ack([2, 3, 4, 5])
  // The broker goes on up to its own prefetch; nothing of it is handed over.
  await vi.waitFor(async () => expect((await engine.checkQueue(queue))?.messages).toBe(10))
  expect(inbox.texts()).toEqual(['0', '1', '2', '3', '4', '5'])
  inbox.consumer.ack([6])
  await inbox.until(7)
  expect(inbox.texts()).toHaveLength(7)
})

test('inspect() of a consumer says that its queue has as many as are open here, and what is ready', async () => {
  const { engine } = await connected()
  const { engine: elsewhere } = await connected()
  const queue = await queueOf(engine)
  await outcomes(engine, [publication(queue, 'a'), publication(queue, 'b'), publication(queue, 'c')])
  const one = await consuming(engine, queue, 1)
  const two = await consuming(elsewhere, queue, 1)
  await vi.waitFor(async () => expect(await one.consumer.inspect()).toEqual({ attached: true, ready: 1 }))
  await one.consumer.close()
  expect(await one.consumer.inspect()).toEqual({ attached: false, ready: 0 })
  expect((await two.consumer.inspect()).attached).toBe(true)
  await engine.deleteQueue(queue)
  await vi.waitFor(async () => expect((await two.consumer.inspect()).attached).toBe(false))
})

test('requeue() returns deliveries to their place, counted', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  await outcomes(engine, [publication(queue, 'a'), publication(queue, 'b')])
  const inbox = await consuming(engine, queue, 1)
  await inbox.until(1)
  inbox.consumer.requeue(inbox.tags())
  await inbox.until(2)
  expect(inbox.texts()).toEqual(['a', 'a'])
  expect(inbox.deliveries[1]).toMatchObject({ redelivered: true, deliveryCount: 2 })
})

test('close() returns what is unsettled, settles what was acknowledged, and hands over nothing more', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  await outcomes(
    engine,
    ['a', 'b', 'c', 'd'].map((text) => publication(queue, text)),
  )
  const inbox = await consuming(engine, queue, 3)
  await inbox.until(3)
  inbox.consumer.ack([2])
  await inbox.consumer.close()
  inbox.consumer.ack([1])
  await vi.waitFor(holds(engine, queue, 3))
  const next = await consuming(engine, queue, 10)
  await next.until(3)
  expect(next.texts()).toEqual(['a', 'c', 'd'])
  expect(inbox.texts()).toEqual(['a', 'b', 'c'])
})

test('close() drops no acknowledgement, however busy the queue', { timeout: 60_000 }, async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  for (let round = 0; round < 8; round++) {
    const all = Promise.withResolvers<void>()
    let handled = 0
    const consumer = await engine.consume(
      { queue, prefetch: 256 },
      {
        deliver(batch) {
          for (const { tag } of batch) consumer.ack([tag])
          if ((handled += batch.length) === 2_000) all.resolve()
        },
        cancelled: all.reject,
      },
    )
    const messages = Array.from({ length: 2_000 }, (_, n) => publication(queue, String(n)))
    expect(new Set(await outcomes(engine, messages))).toEqual(new Set(['accepted']))
    await all.promise
    await consumer.close()
    await vi.waitFor(holds(engine, queue, 0))
  }
})

test('close() of a single active consumer lets the next one in, with what was unsettled', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine, { singleActiveConsumer: true })
  const [one, two] = [await consuming(engine, queue, 10), await consuming(engine, queue, 10)]
  await outcomes(engine, [publication(queue, 'a'), publication(queue, 'b')])
  await one.until(2)
  expect(two.texts()).toEqual([])
  await one.consumer.close()
  await two.until(2)
  expect(two.texts()).toEqual(['a', 'b'])
})

test('consume() reports when the broker cancels: its queue was deleted', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const inbox = await consuming(engine, queue, 10)
  await engine.deleteQueue(queue)
  await vi.waitFor(() => expect(inbox.cancelled).toMatchObject([{ code: 'WAYBILL_SUBSCRIPTION_LOST' }]))
  await inbox.consumer.close()
})

test('publish() answers a request of another client that wants a direct reply', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const requests = await consuming(engine, queue, 10)
  const model = await connect(BROKER_URL)
  cleanUp(() => model.close())
  const asking = await model.createChannel()
  const answer = new Promise<string | undefined>((resolve) => {
    void asking.consume('amq.rabbitmq.reply-to', (reply) => resolve(reply?.content.toString()), { noAck: true })
  })
  asking.sendToQueue(queue, Buffer.from('what?'), { replyTo: 'amq.rabbitmq.reply-to' })
  await requests.until(1)
  const address = requests.deliveries[0]?.message.replyTo ?? ''
  const reply = publication(address, 'that', { mandatory: true, persistent: false })
  expect(await outcomes(engine, [reply])).toEqual(['accepted'])
  expect(await answer).toBe('that')
})

test('close() waits for confirms, then refuses everything as closed', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const due = outcomes(
    engine,
    Array.from({ length: 100 }, (_, n) => publication(queue, String(n))),
  )
  await engine.close(5_000)
  expect(new Set(await due)).toEqual(new Set(['accepted']))
  expect(await engine.publish([publication(queue, 'late')])).toMatchObject([
    { outcome: 'refused', error: { code: 'WAYBILL_CLOSED' } },
  ])
  await expect(engine.checkQueue(queue)).rejects.toMatchObject({ code: 'WAYBILL_CLOSED' })
})
