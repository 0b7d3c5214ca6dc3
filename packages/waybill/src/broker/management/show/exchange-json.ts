import type { ExchangeDefinition } from '../../exchange/exchange.ts'
import type { ExchangeCounters } from '../../exchange/exchange-counters.ts'
import type { AppliedPolicy } from '../../policy/policy-settings.ts'
import type { JsonObject } from '../../wire/json.ts'
import type { ManagementContext } from '../management-context.ts'
import { exchangeArgumentsJson } from './declared-arguments.ts'
import { exchangeCounts, messageStats } from './message-stats.ts'

/** The default exchange in an address. */
export const DEFAULT_EXCHANGE = 'amq.default'

const DEFAULT_DEFINITION: ExchangeDefinition = {
  name: '',
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
}

/** An exchange, or what stands for the default one, which is no object of its own. */
export interface ShownExchange {
  readonly definition: ExchangeDefinition
  readonly counters: ExchangeCounters
  readonly policy?: AppliedPolicy | undefined
}

export function shownDefault(counters: ExchangeCounters): ShownExchange {
  return { definition: DEFAULT_DEFINITION, counters }
}

/** @param virtualHost its name */
export function exchangeJson(
  { rates }: ManagementContext,
  virtualHost: string,
  { definition, counters, policy }: ShownExchange,
): JsonObject {
  return {
    ...exchangeDefinitionJson(definition),
    vhost: virtualHost,
    message_stats: messageStats(counters, exchangeCounts(counters), rates),
    policy: policy?.name ?? null,
  }
}

/** What an exchange is declared again by. */
export function exchangeDefinitionJson(definition: ExchangeDefinition): JsonObject {
  const { name, type, durable, autoDelete, internal } = definition
  return { name, type, durable, auto_delete: autoDelete, internal, arguments: exchangeArgumentsJson(definition) }
}
