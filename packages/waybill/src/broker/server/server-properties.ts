import type { FieldTable } from '../wire/field-table.ts'

/** The RabbitMQ whose behaviour clients may count on; they ask product and version before they use what came late. */
export const BEHAVES_LIKE = '3.13.7'

/**
 * What the broker says of itself in connection.start. It names the product that clients look for, in the version that it
 * behaves like; what it is itself it says under `waybill`.
 */
export function serverProperties(version: string, name = 'waybill'): FieldTable {
  return {
    product: 'RabbitMQ',
    version: BEHAVES_LIKE,
    waybill: version,
    platform: `Waybill ${version}, Node.js ${process.versions.node}`,
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
