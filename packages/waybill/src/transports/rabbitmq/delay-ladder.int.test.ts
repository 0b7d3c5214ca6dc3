import { connect } from 'amqplib'
import { afterAll, expect, test, vi } from 'vitest'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import {
  BROKER_URL,
  connected,
  consuming,
  outcomes,
  PREFIX,
  publication,
  queueOf,
  runtime,
} from './broker.test-support.ts'
import { doneName, lostName, RUNGS, rungName } from './ladder-grammar.ts'

skipUnlessThere(NO_RABBITMQ)

afterAll(async () => {
  if (NO_RABBITMQ !== undefined) return
  const model = await connect(BROKER_URL)
  const broker = await model.createChannel()
  for (let rung = 0; rung < RUNGS; rung++) {
    await broker.deleteQueue(rungName(PREFIX, rung))
    await broker.deleteExchange(rungName(PREFIX, rung))
  }
  await broker.deleteQueue(lostName(PREFIX))
  for (const exchange of [lostName(PREFIX), doneName(PREFIX)]) await broker.deleteExchange(exchange)
  await model.close()
})

test(
  'a delayed message comes when its delay is over, and does not hold up a shorter one',
  { timeout: 30_000 },
  async () => {
    const { engine } = await connected()
    const queue = await queueOf(engine)
    const inbox = await consuming(engine, queue, 10)
    const arrived = new Map<string, number>()
    // Binds the ladder first, so that what follows measures delays alone.
    expect(await outcomes(engine, [publication(queue, 'first', { delayMs: 1 })])).toEqual(['accepted'])
    await inbox.until(1)
    const began = runtime.monotonic()
    const delays = [1_250, 300, 700, 0]
    const sent = delays.map((delayMs) => publication(queue, String(delayMs), { delayMs, mandatory: true }))
    expect(await outcomes(engine, sent)).toEqual(['accepted', 'accepted', 'accepted', 'accepted'])
    for (let count = 2; count <= 5; count++) {
      await inbox.until(count)
      const text = inbox.texts().at(-1) ?? ''
      arrived.set(text, runtime.monotonic() - began)
    }
    expect([...arrived.keys()]).toEqual(['0', '300', '700', '1250'])
    for (const [text, after] of arrived) expect(after).toBeGreaterThanOrEqual(Number(text))
    expect(inbox.deliveries.at(-1)?.message).toMatchObject({ headers: {}, attempt: 1 })
  },
)

test('a delayed message to a missing queue is unroutable; its neighbours are not disturbed', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const results = await outcomes(engine, [
    publication(queue, 'a', { delayMs: 100 }),
    publication(`${queue}.missing`, 'b', { delayMs: 100, mandatory: true }),
    publication(queue, 'c'),
    publication(queue, 'd', { delayMs: 2 ** 40 }),
  ])
  expect(results).toEqual(['accepted', 'unroutable', 'accepted', 'refused'])
})

test('a delayed message whose queue is deleted meanwhile is put aside, and holds up nobody', async () => {
  const { engine } = await connected()
  const [deleted, queue] = [await queueOf(engine), await queueOf(engine)]
  await outcomes(engine, [publication(deleted, deleted, { delayMs: 800 })])
  await engine.deleteQueue(deleted)
  await outcomes(engine, [publication(queue, 'kept', { delayMs: 800 })])
  const [inbox, lost] = [await consuming(engine, queue, 1), await consuming(engine, lostName(PREFIX), 0)]
  await inbox.until(1)
  // Other tests leave messages there too.
  await vi.waitFor(() => expect(lost.texts()).toContain(deleted), { timeout: 5_000 })
  expect(inbox.texts()).toEqual(['kept'])
  lost.consumer.ack(lost.tags())
})

test('a delayed message waits on where its queue is full, and comes once there is room', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine, { maxLength: 1 })
  await vi.waitFor(async () => expect(await outcomes(engine, [publication(queue, 'full')])).toEqual(['refused']))
  const full = (await engine.checkQueue(queue))?.messages ?? 0
  expect(await outcomes(engine, [publication(queue, 'late', { delayMs: 100 })])).toEqual(['accepted'])
  const inbox = await consuming(engine, queue, 10)
  await inbox.until(full)
  inbox.consumer.ack(inbox.tags())
  await inbox.until(full + 1)
  expect(inbox.texts().at(-1)).toBe('late')
})
