import type { Queue } from '../../queue/queue.ts'
import type { Json, JsonObject } from '../../wire/json.ts'
import type { ManagementContext } from '../management-context.ts'
import type { Counts } from '../rates.ts'
import { messageStats, queueCounts, withRates } from './message-stats.ts'
import { queueArgumentsJson } from './declared-arguments.ts'

/** What a queue holds now. */
export function queueGauges({ ready, unsettled }: Queue): Counts {
  return { messages: ready + unsettled, messages_ready: ready, messages_unacknowledged: unsettled }
}

/** @param virtualHost its name */
export function queueJson(context: ManagementContext, virtualHost: string, queue: Queue): JsonObject {
  const { definition, counters, consumers } = queue
  const { name, durable, autoDelete, exclusive } = definition
  const type = definition.arguments.queueType ?? 'classic'
  return {
    name,
    vhost: virtualHost,
    type,
    durable,
    auto_delete: autoDelete,
    exclusive,
    arguments: queueArgumentsJson(definition),
    node: context.node,
    state: 'running',
    consumers,
    ...withRates(queue, queueGauges(queue), context.rates),
    message_stats: messageStats(counters, queueCounts(counters), context.rates),
    policy: queue.policy?.name ?? null,
    operator_policy: null,
    effective_policy_definition: queue.policy?.definition ?? {},
    ...replicas(type, context.node),
  }
}

/** What a queue is declared again by. */
export function queueDefinitionJson({ definition }: Queue): JsonObject {
  const { name, durable, autoDelete } = definition
  return { name, durable, auto_delete: autoDelete, arguments: queueArgumentsJson(definition) }
}

/** Of a quorum, of one. */
function replicas(type: string, node: string): Readonly<Record<string, Json>> {
  return type === 'quorum' ? { leader: node, members: [node], online: [node] } : {}
}
