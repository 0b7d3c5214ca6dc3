import type { Options } from 'amqplib'
import { WaybillError } from '../../message/errors.ts'
import type { WireMessage } from '../../message/wire-message.ts'
import type { Publication } from '../amqp/engine.ts'
import { toProperties } from '../amqp/message-mapping.ts'
import { isDirectReply } from './direct-reply-to.ts'
import type { Route } from './route.ts'

/**
 * Most bytes of headers. amqplib encodes them into 64 KiB and cuts off silently what is beyond, which the broker would
 * answer by closing the connection; 4 KiB of it are left to the names and headers that are always there.
 */
export const MAX_HEADER_BYTES: number = 60 * 1_024
/** What UTF-8 may make of one UTF-16 unit. */
const LONGEST_UNIT = 3
/** Length and type of a table's field, and the length of its name. */
const FIELD_BYTES = 6

/** Properties, headers and flags of a publish. */
export function publishOptions(publication: Publication, { ttlMs, delayHeaderMs }: Route): Options.Publish {
  const options = toProperties(publication.message, publication.persistent, ttlMs) as Options.Publish // fresh, so ours
  options.mandatory = publication.mandatory && !isDirectReply(publication.routingKey)
  if (delayHeaderMs === undefined) return options
  options.headers['x-delay'] = delayHeaderMs
  // Whoever sent it, it must not vanish: where its queue has lost its binding, it is bound again.
  options.mandatory = true
  return options
}

/** Whether a message may be written at all. */
export function tooLarge(message: WireMessage, maxMessageBytes: number): WaybillError | undefined {
  if (message.body.byteLength > maxMessageBytes)
    return new WaybillError(
      'WAYBILL_TOO_LARGE',
      `${message.type} ${message.id}: a body of ${message.body.byteLength} bytes; the broker takes ${maxMessageBytes}`,
    )
  if (units(message) * LONGEST_UNIT <= MAX_HEADER_BYTES) return undefined
  const bytes = headerBytes(message)
  if (bytes <= MAX_HEADER_BYTES) return undefined
  return new WaybillError(
    'WAYBILL_TOO_LARGE',
    `${message.type} ${message.id}: headers of ${bytes} bytes; AMQP's client takes ${MAX_HEADER_BYTES}`,
  )
}

/** An upper bound that costs next to nothing, for the many messages that are nowhere near the limit. */
function units(message: WireMessage): number {
  let sum =
    (message.key?.length ?? 0) +
    (message.tracestate?.length ?? 0) +
    (message.traceparent?.length ?? 0) +
    (message.causationId?.length ?? 0)
  const { headers } = message
  for (const name in headers) sum += name.length + (headers[name] as string).length + FIELD_BYTES // own keys
  return sum
}

function headerBytes(message: WireMessage): number {
  const texts = [message.key, message.tracestate, message.traceparent, message.causationId]
  let sum = 0
  for (const text of texts) sum += text === undefined ? 0 : Buffer.byteLength(text)
  for (const [name, value] of Object.entries(message.headers))
    sum += Buffer.byteLength(name) + Buffer.byteLength(value) + FIELD_BYTES
  return sum
}
