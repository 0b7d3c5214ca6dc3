import type { QueueSpec } from './engine.ts'

/** The flags and arguments of queue.declare. */
export interface QueueDeclaration {
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Readonly<Record<string, string | number | boolean>>
}

/** How long a shared-transient queue outlives its last consumer, so that a reconnect finds it again. */
const SHARED_EXPIRES_MS = 60_000

/**
 * Deliveries after which a quorum queue drops a message: never reached, because counting tries is Waybill's business
 * (RabbitMQ 4.0 has 20 where none is set). Setting one also makes a requeued message return to its place: without, it
 * goes behind the others (seen on RabbitMQ 3.10.8).
 */
export const DELIVERY_LIMIT = 1_000_000_000

/**
 * What a queue is declared with, over any wire and without one, so that all of them find the same queue. The type is
 * always named, because a virtual host may have another default. Durable queues are quorum queues where there are any.
 *
 * @see https://www.rabbitmq.com/docs/quorum-queues
 */
export function queueDeclaration(queue: QueueSpec, hasQuorumQueues: boolean): QueueDeclaration {
  const { life, singleActiveConsumer, maxLength, keepsNewest } = queue
  const quorum = life === 'durable' && hasQuorumQueues
  return {
    // Newer RabbitMQ refuses queues that are neither durable nor exclusive.
    durable: life !== 'exclusive',
    exclusive: life === 'exclusive',
    autoDelete: life !== 'durable',
    arguments: {
      'x-queue-type': quorum ? 'quorum' : 'classic',
      ...(quorum ? { 'x-delivery-limit': DELIVERY_LIMIT } : {}),
      ...(singleActiveConsumer === true ? { 'x-single-active-consumer': true } : {}),
      ...(maxLength === undefined ? {} : { 'x-max-length': maxLength, 'x-overflow': 'reject-publish' }),
      ...(keepsNewest === undefined
        ? {}
        : { 'x-max-length': keepsNewest.messages, 'x-max-length-bytes': keepsNewest.bytes, 'x-overflow': 'drop-head' }),
      ...(life === 'shared-transient' ? { 'x-expires': SHARED_EXPIRES_MS } : {}),
    },
  }
}
