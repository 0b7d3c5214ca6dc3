import type { Channel, Got } from '../../channel/channel.ts'
import type { JsonObject } from '../../wire/json.ts'
import { badRequest, HttpError } from '../http/http-error.ts'
import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { PAYLOAD_ENCODINGS, payloadJson, type PayloadEncoding } from '../show/payload-json.ts'
import { propertiesJson } from '../show/properties-json.ts'
import { enter } from '../virtual-host-access.ts'

/** What becomes of the messages that are shown. */
const ACK_MODES = ['ack_requeue_true', 'ack_requeue_false', 'reject_requeue_true', 'reject_requeue_false'] as const
type AckMode = (typeof ACK_MODES)[number]

/** More is not given at a time, whatever is asked for: all of it is in memory, twice. */
const MOST_MESSAGES = 10_000
const MOST_PAYLOAD_BYTES = 16 * 1024 * 1024
/** Taken in one turn of the event loop. */
const BURST = 200
/** What a message may take to come from the disk. */
const LOADING_MS = 10_000

interface Asked {
  readonly count: number
  readonly mode: AckMode
  readonly encoding: PayloadEncoding
  /** Bytes of a payload that are given. */
  readonly truncate: number
}

/** basic.get for people: takes messages out of a queue to show them, and usually puts them back. */
export function queueMessageRoutes(context: ManagementContext): readonly Route[] {
  return [
    route('POST', '/api/queues/:vhost/:name/get', async (request) => {
      const { host, guard } = enter(context, request)
      const fields = await request.body()
      fields.require('count', 'ackmode', 'encoding')
      const asked: Asked = {
        count: Math.min(fields.whole('count'), MOST_MESSAGES),
        mode: choice('ackmode', fields.text('ackmode'), ACK_MODES),
        encoding: choice('encoding', fields.text('encoding'), PAYLOAD_ENCODINGS),
        truncate: fields.optionalWhole('truncate') ?? Infinity,
      }
      const connection = host.connect(guard)
      try {
        const messages = await takeMessages(
          context,
          connection.openChannel(),
          request.params.name,
          asked,
          () => connection.queue(request.params.name).ready,
        )
        return json(messages)
      } finally {
        // What is still unsettled returns to its place.
        connection.close()
      }
    }),
  ]
}

async function takeMessages(
  { runtime }: ManagementContext,
  channel: Channel,
  queue: string,
  { count, mode, encoding, truncate }: Asked,
  ready: () => number,
): Promise<readonly JsonObject[]> {
  const messages: JsonObject[] = []
  const until = runtime.monotonic() + LOADING_MS
  let [bytes, lastTag] = [0, 0]
  while (messages.length < count && bytes < MOST_PAYLOAD_BYTES) {
    const got = channel.get(queue, false)
    if (got === 'empty') break
    if (got === 'loading') {
      if (runtime.monotonic() > until) throw new HttpError(503, 'timeout', 'the message has not come from the disk')
      await new Promise<void>((resolve) => runtime.defer(resolve))
      continue
    }
    const shown = got.message.body.subarray(0, truncate)
    bytes += shown.length
    lastTag = got.tag
    messages.push(messageJson(got, ready(), shown, encoding))
    if (messages.length % BURST === 0) await new Promise<void>((resolve) => runtime.defer(resolve))
  }
  if (lastTag === 0) return messages
  if (mode === 'ack_requeue_false') channel.ack(lastTag, true)
  if (mode === 'reject_requeue_false') channel.reject(lastTag, true)
  return messages
}

function messageJson(
  { message, deliveryCount }: Got,
  ready: number,
  shown: Uint8Array,
  encoding: PayloadEncoding,
): JsonObject {
  return {
    exchange: message.exchange,
    routing_key: message.routingKey,
    redelivered: deliveryCount > 1,
    message_count: ready,
    properties: propertiesJson(message.properties),
    payload_bytes: message.body.length,
    ...payloadJson(shown, encoding),
  }
}

/** @throws {HttpError} 400 */
function choice<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const chosen = choices.find((each) => each === value)
  if (chosen === undefined) throw badRequest([`unsupported_${name}`, value])
  return chosen
}
