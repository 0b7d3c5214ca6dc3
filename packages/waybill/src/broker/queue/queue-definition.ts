import { ReplyError } from '../reply-error.ts'

export interface QueueDefinition {
  readonly name: string
  readonly durable: boolean
  /** Of one connection, and gone with it. */
  readonly exclusive: boolean
  /** Goes with its last consumer. */
  readonly autoDelete: boolean
  readonly arguments: QueueArguments
}

/** What the `x-` arguments of a declaration ask for. Part of what makes two declarations equal. */
export interface QueueArguments {
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
  /** `x-delivery-limit`: a message that came back more often than this is dead-lettered. */
  readonly deliveryLimit?: number
}

export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx'

const COMPARED = [
  'messageTtlMs',
  'expiresMs',
  'maxLength',
  'maxLengthBytes',
  'overflow',
  'deadLetterExchange',
  'deadLetterRoutingKey',
  'singleActiveConsumer',
  'deliveryLimit',
] as const satisfies readonly (keyof QueueArguments)[]

/**
 * Compares a declaration with the queue that exists.
 *
 * @throws {ReplyError} 406 `WAYBILL_TOPOLOGY_CONFLICT` naming the first difference
 */
export function requireEqualQueue(existing: QueueDefinition, declared: QueueDefinition): void {
  for (const property of ['durable', 'exclusive', 'autoDelete'] as const) {
    if (existing[property] !== declared[property]) throw inequivalent(existing, property, existing, declared)
  }
  for (const argument of COMPARED) {
    if (existing.arguments[argument] !== declared.arguments[argument]) {
      throw inequivalent(existing, argument, existing.arguments, declared.arguments)
    }
  }
}

function inequivalent<P extends string>(
  { name }: QueueDefinition,
  property: P,
  existing: { readonly [p in P]?: unknown },
  declared: { readonly [p in P]?: unknown },
): ReplyError {
  const [has, asked] = [existing[property], declared[property]].map((value) => String(value ?? 'none'))
  return new ReplyError(
    406,
    `inequivalent arg '${property}' for queue '${name}': received '${asked}' but current is '${has}'`,
  )
}
