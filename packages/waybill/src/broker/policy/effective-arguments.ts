import type { QueueArguments } from '../queue/queue-definition.ts'
import type { PolicyArguments } from './policy-settings.ts'

/**
 * What holds for a queue: of limits the lower one, of everything else what the queue was declared with (RabbitMQ, "Combining
 * policy definitions").
 */
export function effectiveArguments(declared: QueueArguments, policy: PolicyArguments | undefined): QueueArguments {
  if (policy === undefined) return declared
  const { deliveryLimit, ...others } = policy
  const isQuorum = declared.queueType === 'quorum'
  return {
    ...others,
    ...declared,
    ...lower('messageTtlMs', declared, policy),
    ...lower('expiresMs', declared, policy),
    ...lower('maxLength', declared, policy),
    ...lower('maxLengthBytes', declared, policy),
    ...(isQuorum && deliveryLimit !== undefined
      ? { deliveryLimit: lowerLimit(declared.deliveryLimit ?? -1, deliveryLimit) }
      : {}),
  }
}

function lower(
  argument: 'messageTtlMs' | 'expiresMs' | 'maxLength' | 'maxLengthBytes',
  declared: QueueArguments,
  policy: PolicyArguments,
): QueueArguments {
  const least = Math.min(declared[argument] ?? Infinity, policy[argument] ?? Infinity)
  return least === Infinity ? {} : { [argument]: least }
}

/** A negative one is none. */
function lowerLimit(declared: number, policy: number): number {
  return declared < 0 ? policy : Math.min(declared, policy)
}
