import type { ConsumeMessage } from 'amqplib'
import type { AmqpDelivery } from '../amqp/engine.ts'
import { fromProperties } from '../amqp/message-mapping.ts'

/** A message of amqplib as a delivery. The body is a slice of what the socket read: it is not copied. */
export function toDelivery({ fields, properties, content }: ConsumeMessage): AmqpDelivery {
  // From RabbitMQ 4.3 on: how often it was handed out before, also to consumers that were put aside, which are not counted
  // as failed deliveries there.
  const acquired = numberIn(properties.headers, 'x-acquired-count') ?? 0
  const redelivered = fields.redelivered || acquired > 0
  return {
    message: fromProperties(properties, content),
    tag: fields.deliveryTag,
    redelivered,
    deliveryCount: redelivered ? countOf(properties.headers, acquired) : 1,
    routingKey: fields.routingKey,
  }
}

/** Quorum queues count the earlier deliveries in a header; a classic queue only says that there were some. */
function countOf(headers: Headers, acquired: number): number | undefined {
  const earlier = acquired > 0 ? acquired : numberIn(headers, 'x-delivery-count')
  return earlier === undefined ? undefined : earlier + 1
}

type Headers = Readonly<Record<string, unknown>> | undefined

function numberIn(headers: Headers, name: string): number | undefined {
  const value = headers?.[name]
  return typeof value === 'number' ? value : undefined
}
