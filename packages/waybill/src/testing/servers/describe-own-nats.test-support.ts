import { describeNeeding } from '../needing.test-support.ts'
import { NatsServer } from './nats-server.ts'

/** `describe` for tests that start a server of their own, skipped with a reason where NATS is not installed. */
export const describeOwnNats: (name: string, tests: () => void) => void = describeNeeding(
  NatsServer.findProgram() === undefined ? 'nats-server is not installed' : undefined,
)
