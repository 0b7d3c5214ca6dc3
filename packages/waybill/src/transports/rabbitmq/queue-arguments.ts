import type { QueueSpec } from '../amqp/engine.ts'
import { queueDeclaration, type QueueDeclaration } from '../amqp/queue-declaration.ts'
import { hasQuorumQueues, type ServerVersion } from './server-version.ts'

/** What a queue is declared with on this broker. */
export function queueOptions(queue: QueueSpec, version: ServerVersion): QueueDeclaration {
  return queueDeclaration(queue, hasQuorumQueues(version))
}
