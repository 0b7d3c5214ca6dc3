// What the conformance suite can be run on. Each harness is loaded when it is asked for, with the driver it needs.
import type { Harness } from '../../packages/waybill/src/conformance/harnesses/embedded-harness.ts'

export interface ConformanceEngine {
  /** Heading of its column. */
  readonly title: string
  /** Starts what it needs. */
  readonly open: () => Promise<Harness>
}

/** By the name that `--transport` takes. */
export const ENGINES: Readonly<Record<string, ConformanceEngine>> = {
  embedded: {
    title: 'embedded',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/embedded-harness.ts')).embeddedHarness(),
  },
  shared: {
    title: 'shared',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/shared-harness.ts')).sharedHarness(),
  },
  'waybill-broker': {
    title: '`waybill broker`',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/rabbitmq-harness.ts')).waybillServerHarness(),
  },
  rabbitmq: {
    title: 'RabbitMQ',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/rabbitmq-harness.ts')).rabbitmqHarness(),
  },
  nats: {
    title: 'NATS',
    open: async () => (await import('../../packages/waybill/src/conformance/harnesses/nats-harness.ts')).natsHarness(),
  },
  kafka: {
    title: 'Kafka',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/kafka-harness.ts')).kafkaHarness(),
  },
  redis: {
    title: 'Redis',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/redis-harness.ts')).redisHarness(),
  },
  postgres: {
    title: 'PostgreSQL',
    open: async () =>
      (await import('../../packages/waybill/src/conformance/harnesses/postgres-harness.ts')).postgresHarness(),
  },
}
