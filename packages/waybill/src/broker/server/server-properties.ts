import type { FieldTable } from '../wire/field-table.ts'

/** What the broker says of itself in connection.start: clients ask it, by RabbitMQ's names, what it can do. */
export function serverProperties(version: string, name = 'waybill'): FieldTable {
  return {
    product: 'Waybill',
    version,
    platform: `Node.js ${process.versions.node}`,
    information: 'https://www.rabbitmq.com/amqp-0-9-1-reference',
    cluster_name: name,
    capabilities: {
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    },
  }
}
