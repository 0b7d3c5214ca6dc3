import { describeNeeding } from '../needing.test-support.ts'
import { RabbitmqServer } from './rabbitmq-server.ts'

/** `describe` for tests that start a server of their own, skipped with a reason where RabbitMQ is not installed. */
export const describeOwnRabbitmq: (name: string, tests: () => void) => void = describeNeeding(
  RabbitmqServer.findProgram() === undefined ? 'rabbitmq-server is not installed' : undefined,
)
