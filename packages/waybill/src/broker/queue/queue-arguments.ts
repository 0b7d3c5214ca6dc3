// The `x-` arguments of queue.declare (RabbitMQ, Optional Queue Arguments). What is not listed here is accepted and means
// nothing, as placing replicas means nothing on one machine.
import { ReplyError } from '../reply-error.ts'
import { plainValue, TypedField, type FieldTable, type FieldValue } from '../wire/field-table.ts'
import type { Overflow, QueueArguments, QueueDefinition, QueueType } from './queue-definition.ts'

/** Longest TTL and expiry in milliseconds: what 32 bits hold, as in RabbitMQ. */
const MAX_MS = 0xffff_ffff

const QUEUE_TYPES: readonly QueueType[] = ['classic', 'quorum']
const OVERFLOWS: readonly Overflow[] = ['drop-head', 'reject-publish', 'reject-publish-dlx']

/** Deliveries after which a quorum queue that names no limit gives a message up (RabbitMQ 4.0). */
const DEFAULT_DELIVERY_LIMIT = 20

/**
 * @param name of the queue, for errors
 * @throws {ReplyError} 406 naming the queue and the argument
 */
export function readQueueArguments(
  name: string,
  table: FieldTable,
  flags: Pick<QueueDefinition, 'durable' | 'exclusive' | 'autoDelete'>,
): QueueArguments {
  const queueType = choice(name, table, 'x-queue-type', QUEUE_TYPES)
  const overflow = choice(name, table, 'x-overflow', OVERFLOWS)
  const singleActiveConsumer = flag(name, table, 'x-single-active-consumer')
  const read = {
    queueType: queueType === 'classic' ? undefined : queueType,
    messageTtlMs: whole(name, table, 'x-message-ttl', 0, MAX_MS),
    expiresMs: whole(name, table, 'x-expires', 1, MAX_MS),
    maxLength: whole(name, table, 'x-max-length', 0),
    maxLengthBytes: whole(name, table, 'x-max-length-bytes', 0),
    overflow: overflow === 'drop-head' ? undefined : overflow,
    deadLetterExchange: text(name, table, 'x-dead-letter-exchange'),
    deadLetterRoutingKey: text(name, table, 'x-dead-letter-routing-key'),
    singleActiveConsumer: singleActiveConsumer === true ? true : undefined,
    maxPriority: whole(name, table, 'x-max-priority', 1, 255),
    deliveryLimit: whole(name, table, 'x-delivery-limit', -1),
  }
  if (read.deadLetterRoutingKey !== undefined && read.deadLetterExchange === undefined)
    throw invalid(name, 'x-dead-letter-routing-key', 'there is no x-dead-letter-exchange')
  if (queueType !== 'quorum') return withoutAbsent({ ...read, deliveryLimit: undefined })
  if (!flags.durable) throw invalid(name, 'durable', 'a quorum queue is durable')
  if (flags.exclusive) throw invalid(name, 'exclusive', 'a quorum queue is not exclusive')
  if (read.maxPriority !== undefined) throw invalid(name, 'x-max-priority', 'a quorum queue has no priorities')
  return withoutAbsent({ ...read, deliveryLimit: read.deliveryLimit ?? DEFAULT_DELIVERY_LIMIT })
}

type Read = { readonly [argument in keyof QueueArguments]: QueueArguments[argument] | undefined }

function withoutAbsent(read: Read): QueueArguments {
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined))
}

function text(name: string, table: FieldTable, argument: string): string | undefined {
  const value = table[argument]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(name, argument, 'it must be a string')
}

function flag(name: string, table: FieldTable, argument: string): boolean | undefined {
  const value = table[argument]
  if (value === undefined || typeof value === 'boolean') return value
  throw invalid(name, argument, 'it must be a boolean')
}

function choice<T extends string>(
  name: string,
  table: FieldTable,
  argument: string,
  choices: readonly T[],
): T | undefined {
  const value = text(name, table, argument)
  if (value === undefined) return undefined
  const chosen = choices.find((one) => one === value)
  if (chosen === undefined) throw invalid(name, argument, `'${value}' is none of ${choices.join(', ')}`)
  return chosen
}

function whole(
  name: string,
  table: FieldTable,
  argument: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const field = table[argument]
  if (field === undefined) return undefined
  const value = integer(field)
  if (value === undefined) throw invalid(name, argument, 'it must be a whole number')
  if (value < least || value > most) throw invalid(name, argument, `${value} is not within ${least} and ${most}`)
  return value
}

/** Any of the letters of whole numbers. */
function integer(field: FieldValue): number | undefined {
  if (!(field instanceof TypedField) || !'bBsuIil'.includes(field.letter)) return undefined
  const value = plainValue(field)
  return typeof value === 'number' ? value : undefined
}

function invalid(name: string, argument: string, why: string): ReplyError {
  return new ReplyError(406, `invalid arg '${argument}' for queue '${name}' in vhost '/': ${why}`)
}
