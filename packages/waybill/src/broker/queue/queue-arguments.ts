// The `x-` arguments of queue.declare (RabbitMQ, Optional Queue Arguments). What is not listed here is accepted and means
// nothing, as placing replicas means nothing on one machine: x-queue-master-locator, x-queue-leader-locator,
// x-quorum-initial-group-size. Nor do x-queue-mode, x-queue-version and x-dead-letter-strategy mean anything: whether a
// message is in memory is the log's business, and no persistent dead letter is lost on its way. They are checked all the same.
import { ReplyError } from '../reply-error.ts'
import type { FieldTable } from '../wire/field-table.ts'
import { shownTable } from '../wire/table-json.ts'
import { invalidArgument } from './invalid-argument.ts'
import { MAX_LIFE_MS } from './lifetime.ts'
import { OVERFLOWS, type QueueArguments, type QueueDefinition, type QueueType } from './queue-definition.ts'
import { wholeNumber } from './whole-number.ts'

const QUEUE_TYPES: readonly QueueType[] = ['classic', 'quorum']

/** Deliveries after which a quorum queue that names no limit gives a message up (RabbitMQ 4.0). */
const DEFAULT_DELIVERY_LIMIT = 20

/** @throws {ReplyError} 406 naming the queue and the argument */
export function queueDefinition(
  flags: Pick<QueueDefinition, 'name' | 'durable' | 'exclusive' | 'autoDelete'>,
  table: FieldTable,
  vhost: string,
): QueueDefinition {
  const { name, durable, exclusive, autoDelete } = flags
  return {
    name,
    durable,
    exclusive,
    autoDelete,
    arguments: readQueueArguments(name, table, flags, vhost),
    ...shownTable(table),
  }
}

/**
 * @param name of the queue, and `vhost` of its virtual host, for errors
 * @throws {ReplyError} 406 naming the queue and the argument
 */
export function readQueueArguments(
  name: string,
  table: FieldTable,
  flags: Pick<QueueDefinition, 'durable' | 'exclusive' | 'autoDelete'>,
  vhost: string,
): QueueArguments {
  const where = `queue '${name}' in vhost '${vhost}'`
  const read = new ArgumentReader(where, table)
  const queueType = read.choice('x-queue-type', QUEUE_TYPES)
  const overflow = read.choice('x-overflow', OVERFLOWS)
  const deadLetterExchange = read.text('x-dead-letter-exchange')
  const deadLetterRoutingKey = read.shortText('x-dead-letter-routing-key')
  if (deadLetterRoutingKey !== undefined && deadLetterExchange === undefined) {
    throw read.invalid('x-dead-letter-routing-key', 'there is no x-dead-letter-exchange')
  }
  const given = {
    queueType: queueType === 'classic' ? undefined : queueType,
    messageTtlMs: read.whole('x-message-ttl', 0, MAX_LIFE_MS),
    expiresMs: read.whole('x-expires', 1, MAX_LIFE_MS),
    maxLength: read.whole('x-max-length', 0),
    maxLengthBytes: read.whole('x-max-length-bytes', 0),
    overflow: overflow === 'drop-head' ? undefined : overflow,
    deadLetterExchange,
    deadLetterRoutingKey,
    singleActiveConsumer: read.flag('x-single-active-consumer') === true ? true : undefined,
    maxPriority: read.whole('x-max-priority', 0, 255),
    deliveryLimit: read.whole('x-delivery-limit', Number.MIN_SAFE_INTEGER),
  }
  read.choice('x-queue-mode', ['default', 'lazy'])
  read.whole('x-queue-version', 1, 2)
  read.choice('x-dead-letter-strategy', ['at-most-once', 'at-least-once'])
  if (queueType !== 'quorum') {
    if (given.deliveryLimit !== undefined) throw read.invalid('x-delivery-limit', 'only a quorum queue has one')
    return withoutAbsent(given)
  }
  if (!flags.durable) throw unfit('non-durable', where)
  if (flags.exclusive) throw unfit('exclusive', where)
  if (flags.autoDelete) throw unfit('auto-delete', where)
  if (given.maxPriority !== undefined) throw read.invalid('x-max-priority', 'a quorum queue has no priorities')
  return withoutAbsent({ ...given, deliveryLimit: given.deliveryLimit ?? DEFAULT_DELIVERY_LIMIT })
}

/** Reads one argument after the other, each `undefined` when it is absent. */
class ArgumentReader {
  readonly #where: string
  readonly #table: FieldTable

  constructor(where: string, table: FieldTable) {
    this.#where = where
    this.#table = table
  }

  /** A text that will be a short string on the wire. */
  shortText(argument: string): string | undefined {
    const value = this.text(argument)
    if (value === undefined || Buffer.byteLength(value) <= 255) return value
    throw this.invalid(argument, 'it has more than 255 octets')
  }

  text(argument: string): string | undefined {
    const value = this.#table[argument]
    if (value === undefined || typeof value === 'string') return value
    throw this.invalid(argument, 'it must be a string')
  }

  flag(argument: string): boolean | undefined {
    const value = this.#table[argument]
    if (value === undefined || typeof value === 'boolean') return value
    throw this.invalid(argument, 'it must be a boolean')
  }

  choice<T extends string>(argument: string, choices: readonly T[]): T | undefined {
    const value = this.text(argument)
    if (value === undefined) return undefined
    const chosen = choices.find((one) => one === value)
    if (chosen === undefined) throw this.invalid(argument, `'${value}' is none of ${choices.join(', ')}`)
    return chosen
  }

  whole(argument: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
    const field = this.#table[argument]
    if (field === undefined) return undefined
    const value = wholeNumber(field)
    if (value === undefined) throw this.invalid(argument, 'it must be a whole number')
    if (value < least || value > most) throw this.invalid(argument, `${value} is not within ${least} and ${most}`)
    return value
  }

  invalid(argument: string, why: string): ReplyError {
    return invalidArgument(argument, this.#where, why)
  }
}

function unfit(property: string, where: string): ReplyError {
  return new ReplyError(406, `invalid property '${property}' for ${where}: it is a quorum queue`)
}

type Given = { readonly [argument in keyof QueueArguments]: QueueArguments[argument] | undefined }

function withoutAbsent(given: Given): QueueArguments {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
