// The RabbitMQ that integration tests use; the set-up of the test run finds or starts it.
import { connect, type ChannelModel } from 'amqplib'
import { describeNeeding } from './needing.test-support.ts'

/** `''` where there is none. */
export const RABBITMQ_URL: string = process.env['WAYBILL_TEST_RABBITMQ_URL'] ?? ''

/** What is missing where there is none. */
export const NO_RABBITMQ: string | undefined = RABBITMQ_URL === '' ? 'no RabbitMQ: npm run servers -- up' : undefined

export const describeRabbitmq: (name: string, tests: () => void) => void = describeNeeding(NO_RABBITMQ)

/** A name that no other test run uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid}-${Date.now().toString(36)}`
}

/** Deletes what a test left on the server: missing entities are no error. */
export async function deleteEntities(names: {
  readonly queues?: readonly string[]
  readonly exchanges?: readonly string[]
}): Promise<void> {
  const connection: ChannelModel = await connect(RABBITMQ_URL)
  const channel = await connection.createChannel()
  for (const queue of names.queues ?? []) await channel.deleteQueue(queue)
  for (const exchange of names.exchanges ?? []) await channel.deleteExchange(exchange)
  await connection.close()
}
