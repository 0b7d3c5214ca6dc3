// What is on its way to a consumer that closes: it returns to its place, and what was acknowledged does not come again.
import { expect, test } from 'vitest'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import type { AmqpConsumer, AmqpDelivery } from '../amqp/engine.ts'
import { connected, outcomes, publication, queueOf } from './broker.test-support.ts'

skipUnlessThere(NO_RABBITMQ)

const MESSAGES = 2_000
const TEXTS = Array.from({ length: MESSAGES }, (_, n) => String(n + 1))
const textsOf = (batch: readonly AmqpDelivery[]): readonly string[] =>
  batch.map(({ message }) => new TextDecoder().decode(message.body))

test.for([300, 400, 500])('a single active consumer that closes after %i leaves the rest in order', async (count) => {
  const { engine } = await connected()
  const queue = await queueOf(engine, { singleActiveConsumer: true })
  const publications = TEXTS.map((each) => publication(queue, each))
  expect(new Set(await outcomes(engine, publications))).toEqual(new Set(['accepted']))

  // Settles all that came, and closes while more are on their way.
  const settled: string[] = []
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const { promise: consumer, resolve: opened } = Promise.withResolvers<AmqpConsumer>()
  let isClosing = false
  const settle = (first: AmqpConsumer, batch: readonly AmqpDelivery[]): void => {
    if (isClosing) return
    settled.push(...textsOf(batch))
    first.ack(batch.map(({ tag }) => tag))
    isClosing = settled.length >= count
    if (isClosing) void first.close().then(resolve)
  }
  const deliver = (batch: readonly AmqpDelivery[]): void => void consumer.then((first) => settle(first, batch))
  opened(await engine.consume({ queue, prefetch: 64 }, { deliver, cancelled: () => undefined }))
  await closed

  const rest: string[] = []
  const { promise: all, resolve: done } = Promise.withResolvers<void>()
  const receive = (batch: readonly AmqpDelivery[]): void => {
    rest.push(...textsOf(batch))
    if (rest.length >= MESSAGES - settled.length) done()
  }
  const second = await engine.consume(
    { queue, prefetch: 0, noAck: true },
    { deliver: receive, cancelled: () => undefined },
  )
  await all
  await second.close()
  expect([...settled, ...rest]).toEqual(TEXTS)
})
