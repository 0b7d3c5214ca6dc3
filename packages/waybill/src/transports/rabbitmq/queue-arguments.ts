import type { Options } from 'amqplib'
import type { QueueSpec } from '../amqp/engine.ts'
import { hasQuorumQueues, type ServerVersion } from './server-version.ts'

/** How long a shared-transient queue outlives its last consumer, so that a reconnect finds it again. */
const SHARED_EXPIRES_MS = 60_000

/**
 * Deliveries after which a quorum queue drops a message: never reached, because counting tries is Waybill's business
 * (RabbitMQ 4.0 has 20 where none is set). Setting one also makes a requeued message return to its place: without, it
 * goes behind the others (seen on 3.10.8).
 */
export const DELIVERY_LIMIT = 1_000_000_000

/**
 * What a queue is declared with. The type is always named, because a virtual host may have another default. Durable
 * queues are quorum queues where the broker has them.
 *
 * @see https://www.rabbitmq.com/docs/quorum-queues
 */
export function queueOptions(queue: QueueSpec, version: ServerVersion): Options.AssertQueue {
  const quorum = queue.life === 'durable' && hasQuorumQueues(version)
  const args: Record<string, unknown> = { 'x-queue-type': quorum ? 'quorum' : 'classic' }
  if (quorum) args['x-delivery-limit'] = DELIVERY_LIMIT
  if (queue.singleActiveConsumer === true) args['x-single-active-consumer'] = true
  if (queue.maxLength !== undefined) {
    args['x-max-length'] = queue.maxLength
    args['x-overflow'] = 'reject-publish'
  }
  if (queue.life === 'durable') return { durable: true, arguments: args }
  if (queue.life === 'exclusive') return { durable: false, exclusive: true, autoDelete: true, arguments: args }
  return { durable: true, autoDelete: true, expires: SHARED_EXPIRES_MS, arguments: args }
}
