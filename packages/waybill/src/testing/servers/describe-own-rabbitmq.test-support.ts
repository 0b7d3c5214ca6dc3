import { describe } from 'vitest'
import { RabbitmqServer } from './rabbitmq-server.ts'

const installed = RabbitmqServer.findProgram() !== undefined
if (!installed && process.env['CI'] === 'true') throw new Error('rabbitmq-server is not installed')

/** `describe` for tests that start a server of their own, skipped by name where RabbitMQ is not installed. */
export const describeOwnRabbitmq: typeof describe | typeof describe.skip = installed ? describe : describe.skip
