import type { ConsumeMessage } from 'amqplib'
import type { AmqpDelivery } from '../amqp/engine.ts'
import { fromProperties } from '../amqp/message-mapping.ts'

/** A message of amqplib as a delivery. The body is a slice of what the socket read: it is not copied. */
export function toDelivery({ fields, properties, content }: ConsumeMessage): AmqpDelivery {
  return {
    message: fromProperties(properties, content),
    tag: fields.deliveryTag,
    redelivered: fields.redelivered,
    deliveryCount: fields.redelivered ? countOf(properties.headers) : 1,
    routingKey: fields.routingKey,
  }
}

/** Quorum queues count the earlier deliveries in a header; a classic queue only says that there were some. */
function countOf(headers: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const earlier = headers?.['x-delivery-count']
  return typeof earlier === 'number' ? earlier + 1 : undefined
}
