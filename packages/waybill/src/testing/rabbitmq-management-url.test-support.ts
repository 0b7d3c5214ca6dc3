// The RabbitMQ with its plugin rabbitmq_management that tests ask; the set-up of the test run finds or starts it.

/** `''` where there is none. */
export const RABBITMQ_MANAGEMENT_URL: string = process.env['WAYBILL_TEST_RABBITMQ_MANAGEMENT_URL'] ?? ''

/** What is missing where there is none. */
export const NO_RABBITMQ_MANAGEMENT: string | undefined =
  RABBITMQ_MANAGEMENT_URL === '' ? 'no RabbitMQ: npm run servers -- up' : undefined
