import type { Policy } from '../../policy/policies.ts'
import type { JsonObject } from '../../wire/json.ts'

/** What a policy is made again by. */
export function policyDefinitionJson({ name, pattern, applyTo, priority, definition }: Policy): JsonObject {
  return { name, pattern, 'apply-to': applyTo, definition, priority }
}
