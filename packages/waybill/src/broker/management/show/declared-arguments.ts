import type { ExchangeDefinition } from '../../exchange/exchange.ts'
import { ARGUMENT_NAMES, type QueueDefinition } from '../../queue/queue-definition.ts'
import type { Json, JsonObject } from '../../wire/json.ts'

/** The arguments that a queue was declared with; of one declared in this process, those that mean something. */
export function queueArgumentsJson({ declared, arguments: known }: QueueDefinition): JsonObject {
  if (declared !== undefined) return declared
  return present(Object.entries(ARGUMENT_NAMES).map(([argument, property]) => [argument, known[property]]))
}

export function exchangeArgumentsJson({ declared, alternate, delayedType }: ExchangeDefinition): JsonObject {
  if (declared !== undefined) return declared
  return present([
    ['alternate-exchange', alternate],
    ['x-delayed-type', delayedType],
  ])
}

function present(fields: readonly (readonly [string, Json | undefined])[]): JsonObject {
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}
