import { ReplyError } from '../reply-error.ts'
import type { JsonObject } from '../wire/json.ts'

export interface QueueDefinition {
  readonly name: string
  readonly durable: boolean
  /** Of one connection, and gone with it. */
  readonly exclusive: boolean
  /** Goes with its last consumer. */
  readonly autoDelete: boolean
  readonly arguments: QueueArguments
  /** All arguments of the declaration, those that mean nothing here too: to be shown, and never compared. */
  readonly declared?: JsonObject
}

/** What the `x-` arguments of a declaration ask for. Part of what makes two declarations equal. */
export interface QueueArguments {
  /** `x-queue-type`; `classic` when absent. */
  readonly queueType?: QueueType
  /** `x-max-priority`: messages of higher priority go first. */
  readonly maxPriority?: number
  /** `x-message-ttl`: milliseconds. */
  readonly messageTtlMs?: number
  /** `x-expires`: the queue goes after so many milliseconds without a consumer, a get or a declaration. */
  readonly expiresMs?: number
  /** `x-max-length`, `x-max-length-bytes`: ready messages. */
  readonly maxLength?: number
  readonly maxLengthBytes?: number
  /** `x-overflow`; `drop-head` when absent. */
  readonly overflow?: Overflow
  /** `x-dead-letter-exchange`, `x-dead-letter-routing-key`. */
  readonly deadLetterExchange?: string
  readonly deadLetterRoutingKey?: string
  /** `x-single-active-consumer`. */
  readonly singleActiveConsumer?: boolean
  /** `x-delivery-limit`: a message that came back more often than this is dead-lettered; none is when it is negative. */
  readonly deliveryLimit?: number
}

/** A `quorum` queue says with each redelivery how often the message was handed out, and gives up on it after a limit. */
export type QueueType = 'classic' | 'quorum'

export const OVERFLOWS = ['drop-head', 'reject-publish', 'reject-publish-dlx'] as const
export type Overflow = (typeof OVERFLOWS)[number]

/** By their names on the wire, which errors give. */
export const ARGUMENT_NAMES: Readonly<Record<string, keyof QueueArguments>> = {
  'x-queue-type': 'queueType',
  'x-max-priority': 'maxPriority',
  'x-message-ttl': 'messageTtlMs',
  'x-expires': 'expiresMs',
  'x-max-length': 'maxLength',
  'x-max-length-bytes': 'maxLengthBytes',
  'x-overflow': 'overflow',
  'x-dead-letter-exchange': 'deadLetterExchange',
  'x-dead-letter-routing-key': 'deadLetterRoutingKey',
  'x-single-active-consumer': 'singleActiveConsumer',
  'x-delivery-limit': 'deliveryLimit',
}

/**
 * Compares a declaration with the queue that exists.
 *
 * @throws {ReplyError} 406 `WAYBILL_TOPOLOGY_CONFLICT` naming the first difference; 405 when one alone is exclusive
 */
export function requireEqualQueue(existing: QueueDefinition, declared: QueueDefinition, vhost: string): void {
  const where = `queue '${existing.name}' in vhost '${vhost}'`
  if (existing.exclusive !== declared.exclusive) throw lockedQueue(where)
  requireEqual('durable', where, existing.durable, declared.durable)
  requireEqual('auto_delete', where, existing.autoDelete, declared.autoDelete)
  for (const [argument, property] of Object.entries(ARGUMENT_NAMES)) {
    requireEqual(argument, where, existing.arguments[property], declared.arguments[property])
  }
}

function lockedQueue(where: string): ReplyError {
  return new ReplyError(
    405,
    `cannot obtain exclusive access to locked ${where}: it is declared exclusive once, and once not`,
  )
}

function requireEqual(argument: string, where: string, has: Comparable, asked: Comparable): void {
  if (has === asked) return
  throw new ReplyError(
    406,
    `inequivalent arg '${argument}' for ${where}: received ${shown(asked)} but current is ${shown(has)}`,
  )
}

type Comparable = string | number | boolean | undefined

function shown(value: Comparable): string {
  return value === undefined ? 'none' : `'${value}'`
}
