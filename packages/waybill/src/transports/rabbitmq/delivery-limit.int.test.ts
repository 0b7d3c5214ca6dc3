// The engine's own limit of deliveries: that it bites where it is low, and not where Waybill declares it.
import { connect, type Channel } from 'amqplib'
import { expect, test } from 'vitest'
import { skipUnlessThere } from '../../testing/needing.test-support.ts'
import { NO_RABBITMQ } from '../../testing/rabbitmq-url.test-support.ts'
import {
  BROKER_URL,
  cleanUp,
  connected,
  outcomes,
  PREFIX,
  publication,
  queueOf,
  runtime,
} from './broker.test-support.ts'

skipUnlessThere(NO_RABBITMQ)

async function rawChannel(): Promise<Channel> {
  const connection = await connect(BROKER_URL)
  cleanUp(() => connection.close())
  const channel = await connection.createChannel()
  channel.on('error', () => {}) // the test looks at the rejection
  return channel
}

/** Takes the only message and gives it back, up to `most` times; how often it came. */
async function deliveriesOf(channel: Channel, queue: string, most: number): Promise<number> {
  let came = 0
  for (let empty = 0; came < most && empty < 20;) {
    const message = await channel.get(queue)
    if (message === false) {
      empty++ // a returned message is ready again a moment later
      await new Promise((resolve) => setTimeout(resolve, 10))
      continue
    }
    came++
    channel.nack(message, false, true)
  }
  return came
}

test('a quorum queue with a low x-delivery-limit drops a message that comes back too often', async () => {
  const { engine } = await connected()
  const channel = await rawChannel()
  const queue = `${PREFIX}${runtime.newId()}`
  await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 } })
  cleanUp(async () => void (await channel.deleteQueue(queue)))
  expect(await outcomes(engine, [publication(queue, 'm1')])).toEqual(['accepted'])
  expect(await deliveriesOf(channel, queue, 50)).toBe(4)
})

test('declareQueue() gives a queue the limit that routeFacts() tells, which 50 deliveries do not reach', async () => {
  const { engine } = await connected()
  const queue = await queueOf(engine)
  const limit = engine.routeFacts('durable', false).limits.deliveryLimit
  expect(limit).toEqual({ value: 1_000_000_000, source: 'told' })
  expect(await outcomes(engine, [publication(queue, 'm1')])).toEqual(['accepted'])
  expect(await deliveriesOf(await rawChannel(), queue, 50)).toBe(50)
  // The broker has it as it was declared: another is refused.
  const other = { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 }
  await expect((await rawChannel()).assertQueue(queue, { arguments: other })).rejects.toThrow(
    /x-delivery-limit.*received.*20.*current is.*1000000000/,
  )
})
